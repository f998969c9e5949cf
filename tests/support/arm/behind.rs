//! What somebody else does behind everybody's back: in the portal, with another tool.

use serde_json::{Value, json};

use crate::arm::{Arm, id};

impl Arm {
    /// The ids that end like this.
    fn ending(&self, end: &str) -> Vec<String> {
        let end = end.to_lowercase();
        self.state().things.keys().filter(|key| key.ends_with(&end)).cloned().collect()
    }

    /// `by` gives a property of everything whose id ends with `end` another value, or its first one; the ids.
    pub fn edit(&self, end: &str, pointer: &str, value: &Value, by: &str) -> Vec<String> {
        let ids = self.ending(end);
        let stamp = self.world.stamp();
        let mut state = self.state();
        for id in &ids {
            let Some(thing) = state.get_mut(id) else { continue };
            set(&mut thing.body, pointer, value);
            if let Some(data) = thing.body.get_mut("systemData") {
                data["lastModifiedBy"] = json!(by);
                data["lastModifiedByType"] = json!("User");
                data["lastModifiedAt"] = json!(stamp);
            }
            thing.generation += 1;
        }
        ids
    }

    /// Everything whose id ends with `end` is deleted with all that is in it; the ids.
    pub fn delete_behind(&self, end: &str) -> Vec<String> {
        let ids = self.ending(end);
        ids.iter().for_each(|id| self.state().remove(&self.world, &id::key(id)));
        self.settle();
        ids
    }
}

fn set(body: &mut Value, pointer: &str, value: &Value) {
    if let Some(place) = body.pointer_mut(pointer) {
        place.clone_from(value);
    } else if let Some((parent, name)) = pointer.rsplit_once('/')
        && let Some(Value::Object(parent)) = body.pointer_mut(parent)
    {
        parent.insert(name.to_owned(), value.clone());
    }
}

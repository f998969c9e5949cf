//! What the subscription has and allows: sizes, quota, versions, rights, policies, names of others. Generous by
//! itself; a test gives a member another value by the control port (`POST /figures`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One size of machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Size {
    /// Name.
    pub name: String,
    /// The family that quota is counted by.
    pub family: String,
    /// Cores of one machine.
    pub cores: u64,
    /// Zones that have it.
    pub zones: Vec<String>,
    /// The reason code with which the region refuses it.
    pub refused: Option<String>,
    /// Zones that refuse it.
    pub refused_zones: Vec<String>,
}

/// A policy that denies a type of resource with a value somewhere in its body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Policy {
    /// Id of its assignment.
    pub id: String,
    /// The type, without case.
    pub kind: String,
    /// JSON pointer into the body.
    pub pointer: String,
    /// What is denied there.
    pub value: Value,
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// The sizes of every region.
    pub sizes: Vec<Size>,
    /// Quota by family, of `cores` and of `lowPriorityCores`.
    pub limits: BTreeMap<String, u64>,
    /// Minor versions of Kubernetes.
    pub versions: Vec<u32>,
    /// What the roles of the application give, by scope.
    pub permissions: Vec<(String, Value)>,
    /// Deny assignments, as the service shows them.
    pub denies: Vec<Value>,
    /// Roles that the application could activate.
    pub eligible: Vec<String>,
    /// Policies.
    pub policies: Vec<Policy>,
    /// Subnets by lower-case id: prefix, and addresses in use.
    pub subnets: BTreeMap<String, (String, usize)>,
    /// Names of deleted storage accounts.
    pub deleted: BTreeSet<String>,
    /// Names of registries and accounts that somebody else has.
    pub foreign: BTreeSet<String>,
    /// Namespaces that are not registered, in lower case.
    pub unregistered: BTreeSet<String>,
}

/// Name, family, cores.
const SIZES: &[(&str, &str, u64)] = &[
    ("Standard_B2s", "standardBSFamily", 2),
    ("Standard_DS2_v2", "standardDSv2Family", 2),
    ("Standard_DS3_v2", "standardDSv2Family", 4),
    ("Standard_D4s_v5", "standardDSv5Family", 4),
    ("Standard_D8s_v5", "standardDSv5Family", 8),
    ("Standard_NC6s_v3", "standardNCSv3Family", 6),
    ("Standard_NC24ads_A100_v4", "StandardNCADSA100v4Family", 24),
    ("Standard_NC48ads_A100_v4", "StandardNCADSA100v4Family", 48),
    ("Standard_NC40ads_H100_v5", "standardNCadsH100v5Family", 40),
    ("Standard_ND96asr_v4", "standardNDASv4_A100Family", 96),
    ("Standard_NV36ads_A10_v5", "StandardNVADSA10v5Family", 36),
];
const PLENTY: u64 = 10_000;

impl Default for Figures {
    fn default() -> Self {
        let zones: Vec<String> = ["1", "2", "3"].map(str::to_owned).into();
        let size = |(name, family, cores): &(&str, &str, u64)| Size {
            name: (*name).to_owned(),
            family: (*family).to_owned(),
            cores: *cores,
            zones: zones.clone(),
            ..Size::default()
        };
        let families = SIZES.iter().map(|(_, family, _)| *family).chain(["cores", "lowPriorityCores"]);
        let owner = json!({"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []});
        Self {
            sizes: SIZES.iter().map(size).collect(),
            limits: families.map(|family| (family.to_owned(), PLENTY)).collect(),
            versions: (30..=35).collect(),
            permissions: vec![("/subscriptions".to_owned(), owner)],
            denies: Vec::new(),
            eligible: Vec::new(),
            policies: Vec::new(),
            subnets: BTreeMap::new(),
            deleted: BTreeSet::new(),
            foreign: BTreeSet::new(),
            unregistered: BTreeSet::new(),
        }
    }
}

impl Figures {
    /// Gives members other values; maps take entries, everything else is replaced.
    ///
    /// # Errors
    /// When a member does not exist or has another form.
    pub fn set(&mut self, members: &Value) -> Result<(), String> {
        let mut all = serde_json::to_value(&*self).map_err(|e| e.to_string())?;
        for (name, value) in members.as_object().into_iter().flatten() {
            let Some(old) = all.get_mut(name) else { return Err(format!("there is no figure `{name}`")) };
            match (old.as_object_mut(), value.as_object()) {
                (Some(old), Some(new)) => old.extend(new.clone()),
                _ => *old = value.clone(),
            }
        }
        *self = serde_json::from_value(all).map_err(|e| e.to_string())?;
        Ok(())
    }

    /// A size by name.
    #[must_use]
    pub fn size(&self, name: &str) -> Option<&Size> {
        self.sizes.iter().find(|size| size.name.eq_ignore_ascii_case(name))
    }
}

//! One resource type with its types erased: what the provider's table holds.

use std::marker::PhantomData;

use mops_core::convert::{from_value, to_value};
use mops_core::diff::diff;
use mops_core::provider::{BoxFuture, CheckFailure, Checked, Difference, Done, Found, Known};
use mops_core::schema::ResourceSchema;
use mops_core::value::Path;
use mops_core::{Class, Error, Identity, Lane, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::adopt::{Verdict, judge};
use crate::resource::{Cx, Findings, Live, Made, Offline, Resource, State};

/// The operations of [`Resource`] on plain values.
pub trait Entry: Send + Sync {
    /// The declaration.
    fn schema(&self) -> &ResourceSchema;
    /// Sample inputs for the conformance tests.
    fn samples(&self) -> Vec<Value>;
    /// See `Provider::check`.
    fn check(&self, cx: &Offline<'_>, inputs: &Value) -> Checked;
    /// See `Provider::diff`.
    fn diff(&self, cx: &Offline<'_>, old: &Known, inputs: &Value) -> Difference;
    /// See `Provider::identity`.
    fn identity(&self, inputs: &Value) -> Option<Identity>;
    /// See `Provider::lanes`.
    fn lanes(&self, inputs: &Value) -> Vec<Lane>;
    /// See `Provider::named_by`.
    fn named_by(&self, id: &str) -> Result<Value, Error>;
    /// See [`Resource::rights`].
    fn rights(&self, inputs: &Value) -> &'static [&'static str];
    /// See [`Resource::body`]; `None` too while an input is unknown.
    fn body(&self, inputs: &Value) -> Option<serde_json::Value>;
    /// See `Provider::read`.
    fn read<'a>(
        &'a self,
        cx: Cx<'a>,
        id: Option<&'a str>,
        known: &'a Known,
    ) -> BoxFuture<'a, Result<Option<Found>, Error>>;
    /// See `Provider::create`.
    fn create<'a>(&'a self, cx: Cx<'a>, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>>;
    /// See `Provider::update`.
    fn update<'a>(&'a self, cx: Cx<'a>, old: &'a Known, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>>;
    /// See `Provider::delete`.
    fn delete<'a>(&'a self, cx: Cx<'a>, old: &'a Known) -> BoxFuture<'a, Result<(), Error>>;
}

struct Typed<R> {
    schema: ResourceSchema,
    resource: PhantomData<fn() -> R>,
}

/// The table entry of a resource type.
pub(crate) fn entry<R: Resource>() -> Box<dyn Entry> {
    let inputs = schemars::schema_for!(R::Inputs).to_value();
    let description = inputs.get("description").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    Box::new(Typed::<R> {
        schema: ResourceSchema {
            token: R::TOKEN,
            description,
            inputs,
            outputs: schemars::schema_for!(R::Outputs).to_value(),
            replace: R::REPLACE,
            changed_by_update: R::CHANGED_BY_UPDATE,
            delete_before_replace: R::DELETE_BEFORE_REPLACE,
            adoptable: R::ADOPTABLE,
            read_tells: R::READ_TELLS,
            settles: R::SETTLES,
        },
        resource: PhantomData,
    })
}

fn typed<T: DeserializeOwned>(token: &str, what: &str, value: &Value) -> Result<T, Error> {
    from_value(value.clone())
        .map_err(|e| Error::new(Class::User, format!("the {what} of a `{token}` do not fit its type: {e}")))
}

fn untyped<T: Serialize>(token: &str, typed: &T) -> Result<Value, Error> {
    to_value(typed).map_err(|e| Error::new(Class::Bug, format!("a `{token}` has no form as a value: {e}")))
}

fn state<R: Resource>(known: &Known) -> Result<State<R>, Error> {
    Ok(State {
        id: known.id.clone(),
        inputs: typed(R::TOKEN, "inputs", &known.inputs)?,
        outputs: typed(R::TOKEN, "outputs", &known.outputs)?,
    })
}

/// The entry of a replace list that a change falls under.
fn replaced_by(list: &'static [&'static str], path: &Path) -> Option<&'static str> {
    let text = path.to_string();
    let under =
        |entry: &&&str| text.strip_prefix(**entry).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    list.iter().find(under).copied()
}

fn done<R: Resource>(made: &Made<R>, adopted: bool, foreign: bool) -> Result<Done, Error> {
    Ok(Done { id: made.id.clone(), outputs: untyped(R::TOKEN, &made.outputs)?, adopted, foreign })
}

impl<R: Resource> Typed<R> {
    async fn create_or_adopt(&self, cx: Cx<'_>, value: &Value) -> Result<Done, Error> {
        let inputs: R::Inputs = typed(R::TOKEN, "inputs", value)?;
        let Some(Live { state: live, ownership, .. }) = R::read(&cx, None, &inputs).await? else {
            return done::<R>(&R::create(&cx, &inputs).await?, false, false);
        };
        match judge(cx.call, &ownership, R::ADOPTABLE)? {
            // It may be used as it is; nothing of it is ours to change.
            Verdict::Foreign if R::ADOPTABLE => done::<R>(&R::adopt(&cx, live, &inputs).await?, true, true),
            verdict => {
                let known = Known {
                    id: live.id.clone(),
                    inputs: untyped(R::TOKEN, &live.inputs)?,
                    outputs: untyped(R::TOKEN, &live.outputs)?,
                };
                self.refuse_replacement(&cx, &known, value)?;
                let foreign = verdict == Verdict::Foreign;
                if foreign && self.diff(&cx.services.offline(false), &known, value).is_empty() {
                    return done::<R>(&R::adopt(&cx, live, &inputs).await?, true, true);
                }
                done::<R>(&R::update(&cx, &live, &inputs).await?, true, foreign)
            }
        }
    }

    /// Something of ours is there in a form that no update can mend: say which property stands in the way.
    fn refuse_replacement(&self, cx: &Cx<'_>, live: &Known, inputs: &Value) -> Result<(), Error> {
        let offline = cx.services.offline(false);
        let replace = self.diff(&offline, live, inputs).replace;
        let Some(property) = replace.first() else { return Ok(()) };
        let name = cx.call.urn.name();
        Err(Error::new(
            Class::Conflict,
            format!("`{name}` already exists with another `{property}`, which cannot be changed in place"),
        )
        .hint(format!("give `{property}` its present value, or delete `{}` first", live.id)))
    }
}

impl<R: Resource> Entry for Typed<R> {
    fn schema(&self) -> &ResourceSchema {
        &self.schema
    }

    fn samples(&self) -> Vec<Value> {
        R::samples().iter().filter_map(|s| to_value(s).ok()).collect()
    }

    fn check(&self, cx: &Offline<'_>, value: &Value) -> Checked {
        if value.has_unknown() {
            return Checked { inputs: value.clone(), ..Checked::default() };
        }
        let mut findings = Findings::default();
        let normal = match from_value::<R::Inputs>(value.clone()) {
            Ok(mut inputs) => {
                R::check(&mut inputs, cx, &mut findings);
                to_value(&inputs).unwrap_or_else(|_| value.clone())
            }
            Err(e) => {
                let reason = format!("the inputs of `{}` are not valid: {e}", R::TOKEN);
                findings.failures.push(CheckFailure { path: Path::default(), reason, hint: None });
                value.clone()
            }
        };
        Checked { inputs: normal, failures: findings.failures, notes: findings.notes }
    }

    fn diff(&self, cx: &Offline<'_>, old: &Known, value: &Value) -> Difference {
        let old = &Known {
            id: old.id.clone(),
            inputs: old.inputs.sealed_as_secret(),
            outputs: old.outputs.sealed_as_secret(),
        };
        let value = value.sealed_as_secret();
        let mut wanted = value.clone();
        let (mut reason, mut sometimes, mut impossible) = (None, None, None);
        if !value.has_unknown()
            && let (Ok(known), Ok(mut inputs)) = (state::<R>(old), from_value::<R::Inputs>(value.clone()))
        {
            R::settle(&known, &mut inputs);
            reason = R::reason(cx, &known, &inputs);
            sometimes = R::replaced_between(&known.inputs, &inputs);
            impossible = R::impossible(&known.inputs, &inputs).map(|why| CheckFailure {
                path: Path::default(),
                reason: why.summary().to_owned(),
                hint: why.hint_text().map(str::to_owned),
            });
            wanted = to_value(&inputs).unwrap_or(wanted);
        }
        let changes = diff(&old.inputs, &wanted);
        let mut replace: Vec<String> =
            changes.iter().filter_map(|c| replaced_by(R::REPLACE, &c.path)).map(str::to_owned).collect();
        replace.extend(sometimes.map(str::to_owned));
        replace.dedup();
        Difference { changes, replace, reason, impossible }
    }

    fn identity(&self, inputs: &Value) -> Option<Identity> {
        from_value(inputs.clone()).ok().map(|inputs| R::identity(&inputs))
    }

    fn lanes(&self, inputs: &Value) -> Vec<Lane> {
        from_value(inputs.clone()).map(|inputs| R::lanes(&inputs)).unwrap_or_default()
    }

    fn named_by(&self, id: &str) -> Result<Value, Error> {
        let inputs = R::named_by(id).map_err(|why| why.refusal(R::TOKEN, id))?;
        untyped(R::TOKEN, &inputs)
    }

    fn rights(&self, inputs: &Value) -> &'static [&'static str] {
        match from_value::<R::Inputs>(inputs.clone()) {
            Ok(inputs) => R::rights(&inputs),
            Err(_) => &[],
        }
    }

    fn body(&self, inputs: &Value) -> Option<serde_json::Value> {
        R::body(&from_value(inputs.clone()).ok()?)
    }

    fn read<'a>(
        &'a self,
        cx: Cx<'a>,
        id: Option<&'a str>,
        known: &'a Known,
    ) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            let inputs: R::Inputs = typed(R::TOKEN, "inputs", &known.inputs)?;
            let cx = Cx { known: Some(known), ..cx };
            let Some(live) = R::read(&cx, id, &inputs).await? else { return Ok(None) };
            Ok(Some(Found {
                known: Known {
                    id: live.state.id,
                    inputs: untyped(R::TOKEN, &live.state.inputs)?,
                    outputs: untyped(R::TOKEN, &live.state.outputs)?,
                },
                ownership: live.ownership,
                changed_by: live.changed_by,
            }))
        })
    }

    fn create<'a>(&'a self, cx: Cx<'a>, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(self.create_or_adopt(cx, inputs))
    }

    fn update<'a>(&'a self, cx: Cx<'a>, old: &'a Known, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move {
            let old = state::<R>(old)?;
            let inputs: R::Inputs = typed(R::TOKEN, "inputs", inputs)?;
            done::<R>(&R::update(&cx, &old, &inputs).await?, false, false)
        })
    }

    fn delete<'a>(&'a self, cx: Cx<'a>, old: &'a Known) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { R::delete(&cx, &state::<R>(old)?).await })
    }
}

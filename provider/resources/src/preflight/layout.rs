//! The plan as the checks see it: typed, with the region of each pool, and the group of each resource.

use mops_core::convert::from_value;
use mops_core::preflight::{Intent, Planned, Planning};
use mops_core::{Urn, Value};

use crate::azure::managed_cluster::{self, ManagedCluster};
use crate::azure::node_pool::{self, NodePool, PoolSpec};
use crate::azure::resource_group::ResourceGroup;
use crate::resource::Resource;

/// The resources of a plan.
pub(super) struct Layout<'a> {
    planning: &'a Planning,
}

/// A subscription and a region in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Region {
    pub(super) subscription: String,
    pub(super) location: String,
}

/// A pool that is made or changed.
pub(super) struct Pool<'a> {
    pub(super) urn: &'a Urn,
    /// Before the names of its inputs: the first pool of a cluster lies inside the cluster's.
    pub(super) prefix: &'static str,
    pub(super) region: Region,
    pub(super) spec: PoolSpec,
    /// As it is now.
    pub(super) before: Option<PoolSpec>,
    /// Whether its nodes are renewed one after another.
    pub(super) upgraded: bool,
}

impl Pool<'_> {
    /// The path of one of its inputs.
    pub(super) fn path(&self, input: &str) -> String {
        format!("{}{input}", self.prefix)
    }

    /// The input that says how many nodes it may have.
    pub(super) fn count_path(&self) -> String {
        self.path(if self.spec.max_count.is_some() { "maxCount" } else { "count" })
    }
}

impl<'a> Layout<'a> {
    pub(super) const fn new(planning: &'a Planning) -> Self {
        Self { planning }
    }

    /// Everything of a type that is made or changed.
    pub(super) fn changing<R: Resource>(&self) -> impl Iterator<Item = (&'a Planned, R::Inputs)> + use<'a, R> {
        let all = self.planning.resources.iter();
        all.filter(|p| p.intent != Intent::Keep && p.urn.token() == R::TOKEN)
            .filter_map(|p| Some((p, typed(&p.inputs)?)))
    }

    fn get(&self, urn: &Urn) -> Option<&'a Planned> {
        self.planning.resources.iter().find(|p| p.urn == *urn)
    }

    /// The pools that are made or changed, those that came with their cluster too.
    pub(super) fn pools(&self) -> Vec<Pool<'a>> {
        let first = self.changing::<ManagedCluster>().map(|(planned, inputs)| {
            let before = known::<managed_cluster::Inputs>(planned);
            let version = before.as_ref().map(|b| &b.kubernetes_version);
            Pool {
                urn: &planned.urn,
                prefix: "systemPool.",
                upgraded: version.is_some_and(|version| *version != inputs.kubernetes_version),
                before: before.map(|b| b.system_pool),
                region: region(&inputs),
                spec: inputs.system_pool,
            }
        });
        let others = self.changing::<NodePool>().filter_map(|(planned, inputs)| {
            Some(Pool {
                urn: &planned.urn,
                prefix: "",
                region: region(&typed(&self.cluster_of(planned)?.inputs)?),
                before: known::<node_pool::Inputs>(planned).map(|inputs| inputs.pool),
                spec: inputs.pool,
                upgraded: false,
            })
        });
        first.chain(others).collect()
    }

    fn cluster_of(&self, pool: &Planned) -> Option<&'a Planned> {
        let mut all = pool.dependencies.iter().filter_map(|urn| self.get(urn));
        all.find(|p| p.urn.token() == ManagedCluster::TOKEN)
    }

    /// What is done with the cluster of a pool.
    pub(super) fn intent_of_cluster(&self, pool: &Planned) -> Option<Intent> {
        self.cluster_of(pool).map(|cluster| cluster.intent)
    }

    /// The ARM id of the group that something lies in, by its own inputs or by what it is made from.
    pub(super) fn group_of(&self, planned: &Planned) -> Option<String> {
        let field = |name: &str| planned.inputs.get(name).and_then(Value::as_str);
        let own = if planned.urn.token() == ResourceGroup::TOKEN { "name" } else { "resourceGroup" };
        if let (Some(subscription), Some(group)) = (field("subscriptionId"), field(own)) {
            return Some(format!("/subscriptions/{subscription}/resourceGroups/{group}"));
        }
        planned.dependencies.iter().filter_map(|urn| self.get(urn)).find_map(|parent| self.group_of(parent))
    }

    /// Where rights on something in a group are looked at: at the group, or above it while there is none.
    pub(super) fn scope_of(&self, group: &str) -> String {
        let made = self.changing::<ResourceGroup>().any(|(planned, _)| {
            planned.intent.makes() && self.group_of(planned).is_some_and(|id| id.eq_ignore_ascii_case(group))
        });
        let above = group.split_once("/resourceGroups/").map_or(group, |(subscription, _)| subscription);
        if made { above.to_owned() } else { group.to_owned() }
    }
}

fn region(cluster: &managed_cluster::Inputs) -> Region {
    Region { subscription: cluster.subscription_id.clone(), location: cluster.location.clone() }
}

/// Inputs in their form, what is not known yet left empty.
pub(super) fn typed<T: serde::de::DeserializeOwned>(inputs: &Value) -> Option<T> {
    from_value(filled(inputs)).ok()
}

fn known<T: serde::de::DeserializeOwned>(planned: &Planned) -> Option<T> {
    from_value(planned.known.as_ref()?.inputs.clone()).ok()
}

/// What is not known yet is an empty text: it names something that the run makes.
pub(super) fn filled(value: &Value) -> Value {
    match value {
        Value::Unknown => Value::from(""),
        Value::List(items) => Value::List(items.iter().map(filled).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), filled(v))).collect()),
        other => other.clone(),
    }
}

//! Node pools between what is declared and what AKS stores. Guarantees: what AKS adds by itself is no
//! difference, a count that the autoscaler owns is left alone, and fields that we do not know survive an update
//! (`tests`).

use std::collections::BTreeMap;

use mops_core::grammar::{is_label_key, is_label_value, is_node_share, is_taint};
use mops_core::{Class, Error};
use serde_json::{Map, Value as Json, json};

use crate::arm::{spelled, text};
use crate::azure::node_pool::{Eviction, GpuDriver, Mode, PoolSpec, Upgrade};
use crate::resource::Findings;

/// Taints and labels of AKS itself begin so.
const SYSTEM: &str = "kubernetes.azure.com/";
const SPOT: &str = "kubernetes.azure.com/scalesetpriority";
/// What answers carry and requests must not.
const READ_ONLY: [&str; 6] =
    ["provisioningState", "currentOrchestratorVersion", "nodeImageVersion", "eTag", "status", "powerState"];
const MIG: [&str; 5] = ["MIG1g", "MIG2g", "MIG3g", "MIG4g", "MIG7g"];

/// Validates, and brings a pool into its normal form; `at` is the path of the pool in the inputs.
pub(crate) fn check(spec: &mut PoolSpec, at: &str, findings: &mut Findings) {
    normalise(spec);
    let path = |field: &str| if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") };
    let name = &spec.name;
    let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase());
    if !first || name.len() > 12 || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        let reason = format!("`{name}` is not the name of a node pool");
        findings.refuse(&path("name"), reason, "a lower-case letter, then up to 11 lower-case letters and digits");
    }
    if let Some((field, reason, hint)) = bad_count(spec) {
        findings.refuse(&path(field), reason, hint);
    }
    for taint in spec.taints.iter().filter(|taint| !is_taint(taint)) {
        findings.refuse(&path("taints"), format!("`{taint}` is not a taint"), "write `KEY=VALUE:NoSchedule`");
    }
    for (key, value) in spec.labels.iter().filter(|(key, value)| !is_label_key(key) || !is_label_value(value)) {
        let hint =
            "up to 63 letters, digits, `-`, `_` and `.` in key and value, with an optional `domain/` before the key";
        findings.refuse(&path("labels"), format!("`{key}={value}` is not a label"), hint);
    }
    check_upgrade(spec, &path, findings);
    if let Some(profile) = &spec.gpu_instance_profile {
        check_mig(spec, profile, &path("gpuInstanceProfile"), findings);
    }
    if spec.spot && spec.mode == Mode::System {
        findings.refuse(&path("spot"), format!("system pool `{name}` cannot be a spot pool"), "use a User pool");
    }
    if spec.os_disk_size_gb.is_some_and(|size| !(30..=2048).contains(&size)) {
        findings.refuse(&path("osDiskSizeGb"), "the disk of a node has 30 to 2048 GB", "choose a size between them");
    }
}

fn check_upgrade(spec: &PoolSpec, path: &dyn Fn(&str) -> String, findings: &mut Findings) {
    let Some(upgrade) = &spec.upgrade else { return };
    let shares = [("maxSurge", &upgrade.max_surge), ("maxUnavailable", &upgrade.max_unavailable)];
    for (field, share) in shares {
        if let Some(share) = share.as_deref().filter(|share| !is_node_share(share)) {
            let reason = format!("`{share}` is no number of nodes and no share of them");
            findings.refuse(
                &path(&format!("upgrade.{field}")),
                reason,
                "a number up to 1000, or a share such as `33%`",
            );
        }
    }
    let minutes = [
        ("drainTimeoutMinutes", upgrade.drain_timeout_minutes, 1..=1440),
        ("nodeSoakMinutes", upgrade.node_soak_minutes, 0..=30),
    ];
    for (field, minutes, range) in minutes {
        if let Some(minutes) = minutes.filter(|minutes| !range.contains(minutes)) {
            let hint = format!("{} to {} minutes", range.start(), range.end());
            findings.refuse(&path(&format!("upgrade.{field}")), format!("{minutes} minutes"), hint);
        }
    }
}

fn check_mig(spec: &PoolSpec, profile: &str, path: &str, findings: &mut Findings) {
    if !MIG.contains(&profile) {
        findings.refuse(path, format!("`{profile}` is not a MIG profile"), MIG.join(", "));
    }
    if !can_be_cut(&spec.vm_size) {
        let reason = format!("`{}` has no GPU that can be divided", spec.vm_size);
        findings.refuse(path, reason, CUT_HINT);
    }
}

/// What to do about a profile on another GPU.
pub(crate) const CUT_HINT: &str = "use a size with A100 or H100, or leave the profile out";

/// Whether a size has GPUs that can be divided.
pub(crate) fn can_be_cut(vm_size: &str) -> bool {
    let size = vm_size.to_ascii_uppercase();
    // One size with A100 does not say so in its name.
    ["A100", "ND96ASR_V4", "H100", "H200", "B200", "B300"].iter().any(|gpu| size.contains(gpu))
}

fn normalise(spec: &mut PoolSpec) {
    spec.taints.sort();
    spec.taints.dedup();
    spec.zones.sort();
    if spec.spot {
        spec.taints.retain(|taint| !taint.starts_with(SPOT));
        spec.labels.remove(SPOT);
    } else {
        spec.spot_eviction = None;
    }
    if spec.os_disk_size_gb == Some(0) {
        spec.os_disk_size_gb = None;
    }
    if spec.upgrade == Some(Upgrade::default()) {
        spec.upgrade = None;
    }
    if spec.gpu_instance_profile.as_deref() == Some("") {
        spec.gpu_instance_profile = None;
    }
    if !is_autoscaled(spec) && spec.count.is_none() {
        spec.count = Some(1);
    }
}

fn bad_count(spec: &PoolSpec) -> Option<(&'static str, String, &'static str)> {
    let least = u32::from(spec.mode == Mode::System);
    let (min, max) = match (spec.min_count, spec.max_count) {
        (None, None) => {
            let count = spec.count.unwrap_or(1);
            let bad = count < least || count > 1000;
            return bad.then(|| ("count", format!("{count} nodes"), "0 to 1000 nodes, a system pool at least 1"));
        }
        (Some(min), Some(max)) => (min, max),
        _ => return Some(("minCount", "min without max, or max without min".to_owned(), "give both or none")),
    };
    if min > max {
        return Some(("minCount", format!("min ({min}) is greater than max ({max})"), "swap them"));
    }
    (min < least || max > 1000 || max == 0).then(|| {
        ("minCount", format!("{min} to {max} nodes"), "0 to 1000 nodes, a system pool at least 1, max at least 1")
    })
}

pub(crate) const fn is_autoscaled(spec: &PoolSpec) -> bool {
    spec.min_count.is_some() && spec.max_count.is_some()
}

/// Under autoscaling the count belongs to the autoscaler: the declared one counts only at the start. What is not declared
/// is the service's, whatever that is.
pub(crate) fn settle(old: &PoolSpec, new: &mut PoolSpec) {
    if is_autoscaled(new) {
        new.count = old.count;
    }
    new.os_disk_size_gb = new.os_disk_size_gb.or(old.os_disk_size_gb);
    new.subnet_id = new.subnet_id.take().or_else(|| old.subnet_id.clone());
    new.gpu_driver = new.gpu_driver.or_else(|| old.gpu_driver.filter(|driver| *driver == GpuDriver::Install));
    if new.spot {
        new.spot_eviction = new.spot_eviction.or_else(|| old.spot_eviction.filter(|e| *e == Eviction::default()));
    }
    settle_upgrade(old, new);
}

fn settle_upgrade(old: &PoolSpec, new: &mut PoolSpec) {
    let Some(before) = &old.upgrade else { return };
    let declared = new.upgrade.take().unwrap_or_default();
    new.upgrade = Some(Upgrade {
        max_surge: declared.max_surge.or_else(|| before.max_surge.clone()),
        max_unavailable: declared.max_unavailable.or_else(|| before.max_unavailable.clone()),
        drain_timeout_minutes: declared.drain_timeout_minutes.or(before.drain_timeout_minutes),
        node_soak_minutes: declared.node_soak_minutes.or(before.node_soak_minutes),
    });
}

/// A pool of which nothing is known but its name, if that, with a place for everything that [`seen`] can fill in.
pub(crate) fn looked_for(name: &str) -> PoolSpec {
    PoolSpec {
        name: name.to_owned(),
        mode: Mode::User,
        vm_size: String::new(),
        count: None,
        min_count: None,
        max_count: None,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        gpu_driver: Some(GpuDriver::None),
        gpu_managed: true,
        gpu_instance_profile: None,
        spot: false,
        spot_eviction: Some(Eviction::default()),
        upgrade: Some(Upgrade {
            max_surge: Some(String::new()),
            max_unavailable: Some(String::new()),
            drain_timeout_minutes: Some(0),
            node_soak_minutes: Some(0),
        }),
        zones: Vec::new(),
        subnet_id: Some(String::new()),
        os_disk_size_gb: Some(0),
    }
}

/// The first property of a pool that differs and cannot change in place.
pub(crate) fn immutable_change(old: &PoolSpec, new: &PoolSpec) -> Option<&'static str> {
    let same = [
        ("name", old.name == new.name),
        ("vmSize", old.vm_size.eq_ignore_ascii_case(&new.vm_size)),
        ("gpuInstanceProfile", old.gpu_instance_profile == new.gpu_instance_profile),
        ("gpuDriver", old.gpu_driver == new.gpu_driver),
        ("gpuManaged", old.gpu_managed == new.gpu_managed),
        ("spot", old.spot == new.spot),
        ("spotEviction", old.spot_eviction == new.spot_eviction),
        ("zones", old.zones == new.zones),
        ("subnetId", old.subnet_id == new.subnet_id),
        ("osDiskSizeGb", old.os_disk_size_gb == new.os_disk_size_gb),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
}

/// The properties of a new pool.
pub(crate) fn properties(spec: &PoolSpec, tags: &Json) -> Json {
    let mut body = Map::new();
    let mut set = |name: &str, value: Json| drop(body.insert(name.to_owned(), value));
    set("mode", json!(spec.mode));
    set("vmSize", json!(spec.vm_size));
    set("osType", json!("Linux"));
    set("type", json!("VirtualMachineScaleSets"));
    set("tags", tags.clone());
    for (name, value) in variable(spec) {
        set(name, value);
    }
    set("count", json!(spec.count.or(spec.min_count).unwrap_or(1)));
    set("nodeLabels", json!(spec.labels));
    set("nodeTaints", json!(spec.taints));
    if spec.spot {
        set("scaleSetPriority", json!("Spot"));
        set("scaleSetEvictionPolicy", json!(spec.spot_eviction.unwrap_or_default()));
        set("spotMaxPrice", json!(-1.0));
    }
    if !spec.zones.is_empty() {
        set("availabilityZones", json!(spec.zones));
    }
    if let Some(subnet) = &spec.subnet_id {
        set("vnetSubnetID", json!(subnet));
    }
    if let Some(size) = spec.os_disk_size_gb {
        set("osDiskSizeGB", json!(size));
    }
    if let Some(driver) = spec.gpu_driver {
        set("gpuProfile", json!({"driver": driver}));
    }
    if spec.gpu_managed {
        set("gpuProfile", json!({"driver": spec.gpu_driver.unwrap_or(GpuDriver::Install), "nvidia": managed(spec)}));
    }
    if let Some(upgrade) = &spec.upgrade {
        set("upgradeSettings", upgraded(&json!({}), upgrade));
    }
    if let Some(profile) = &spec.gpu_instance_profile {
        set("gpuInstanceProfile", json!(profile));
    }
    Json::Object(body)
}

/// What AKS is to do for the GPUs: everything. A profile cuts all of them alike, so each slice is a plain GPU.
fn managed(spec: &PoolSpec) -> Json {
    let strategy = if spec.gpu_instance_profile.is_some() { "Single" } else { "None" };
    json!({"managementMode": "Managed", "migStrategy": strategy})
}

/// The settings that are there with the declared ones in them.
fn upgraded(present: &Json, upgrade: &Upgrade) -> Json {
    let mut settings = present.as_object().cloned().unwrap_or_default();
    let mut set = |name: &str, value: Option<Json>| value.and_then(|v| settings.insert(name.to_owned(), v));
    set("maxSurge", upgrade.max_surge.as_ref().map(|v| json!(v)));
    set("maxUnavailable", upgrade.max_unavailable.as_ref().map(|v| json!(v)));
    set("drainTimeoutInMinutes", upgrade.drain_timeout_minutes.map(|v| json!(v)));
    set("nodeSoakDurationInMinutes", upgrade.node_soak_minutes.map(|v| json!(v)));
    Json::Object(settings)
}

fn variable(spec: &PoolSpec) -> Vec<(&'static str, Json)> {
    let scaled = is_autoscaled(spec);
    let mut fields = vec![("enableAutoScaling", json!(scaled))];
    if scaled {
        fields.extend([("minCount", json!(spec.min_count)), ("maxCount", json!(spec.max_count))]);
    }
    fields
}

/// The present properties with the declared ones in them; everything else stays as the service has it.
pub(crate) fn merged(present: &Json, spec: &PoolSpec, tags: &Json) -> Json {
    let mut body = present.as_object().cloned().unwrap_or_default();
    READ_ONLY.iter().for_each(|name| drop(body.remove(*name)));
    let scaled = is_autoscaled(spec);
    if !scaled {
        body.remove("minCount");
        body.remove("maxCount");
        body.insert("count".to_owned(), json!(spec.count.unwrap_or(1)));
    }
    body.extend(variable(spec).into_iter().map(|(name, value)| (name.to_owned(), value)));
    body.insert("mode".to_owned(), json!(spec.mode));
    body.insert("tags".to_owned(), tags.clone());
    if let Some(upgrade) = &spec.upgrade {
        let settings = present.get("upgradeSettings").cloned().unwrap_or_default();
        body.insert("upgradeSettings".to_owned(), upgraded(&settings, upgrade));
    }
    let mut labels: Map<String, Json> =
        present.get("nodeLabels").and_then(Json::as_object).cloned().unwrap_or_default();
    labels.retain(|name, _| name.starts_with(SYSTEM));
    labels.extend(spec.labels.iter().map(|(name, value)| (name.clone(), json!(value))));
    let system = taints(present).into_iter().filter(|taint| taint.starts_with(SYSTEM));
    let all: Vec<String> = spec.taints.iter().cloned().chain(system.filter(|t| !spec.taints.contains(t))).collect();
    let keep = |name: &str, empty: bool| !empty || present.get(name).is_some_and(|v| !v.is_null());
    if keep("nodeLabels", labels.is_empty()) {
        body.insert("nodeLabels".to_owned(), Json::Object(labels));
    }
    if keep("nodeTaints", all.is_empty()) {
        body.insert("nodeTaints".to_owned(), json!(all));
    }
    Json::Object(body)
}

/// Whether a merge changes nothing: then nothing is sent.
pub(crate) fn is_same(present: &Json, merged: &Json) -> bool {
    let mut present = present.as_object().cloned().unwrap_or_default();
    READ_ONLY.iter().for_each(|name| drop(present.remove(*name)));
    let Some(merged) = merged.as_object() else { return false };
    let sorted = |value: &Json| match value {
        Json::Array(items) => {
            let mut texts: Vec<String> = items.iter().map(Json::to_string).collect();
            texts.sort();
            json!(texts)
        }
        other => other.clone(),
    };
    present.len() == merged.len()
        && present.iter().all(|(name, value)| merged.get(name).is_some_and(|new| sorted(new) == sorted(value)))
}

fn taints(properties: &Json) -> Vec<String> {
    let listed = properties.get("nodeTaints").and_then(Json::as_array).into_iter().flatten();
    listed.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// A pool as the service has it, seen through what was declared.
pub(crate) fn seen(known: &PoolSpec, name: &str, properties: &Json) -> PoolSpec {
    let number = |field: &str| properties.get(field).and_then(Json::as_u64).and_then(|n| u32::try_from(n).ok());
    let flag = |field: &str| properties.get(field).and_then(Json::as_bool).unwrap_or_default();
    let scaled = flag("enableAutoScaling");
    let spot = text(properties, "/scaleSetPriority").eq_ignore_ascii_case("Spot");
    let labels = properties.get("nodeLabels").and_then(Json::as_object).into_iter().flatten();
    let labels: BTreeMap<String, String> = labels
        .filter(|(label, _)| known.labels.contains_key(*label) || !label.starts_with(SYSTEM))
        .filter_map(|(label, value)| Some((label.clone(), value.as_str()?.to_owned())))
        .collect();
    let zones = properties.get("availabilityZones").and_then(Json::as_array).into_iter().flatten();
    let vm_size = text(properties, "/vmSize");
    let mut spec = PoolSpec {
        name: name.to_owned(),
        mode: if text(properties, "/mode").eq_ignore_ascii_case("System") { Mode::System } else { Mode::User },
        vm_size: if vm_size.eq_ignore_ascii_case(&known.vm_size) { known.vm_size.clone() } else { vm_size },
        count: if scaled && is_autoscaled(known) { known.count } else { number("count") },
        min_count: number("minCount").filter(|_| scaled),
        max_count: number("maxCount").filter(|_| scaled),
        labels,
        taints: taints(properties)
            .into_iter()
            .filter(|taint| known.taints.contains(taint) || !taint.starts_with(SYSTEM))
            .collect(),
        gpu_driver: known.gpu_driver.and_then(|declared| driver(declared, properties)),
        gpu_managed: text(properties, "/gpuProfile/nvidia/managementMode") == "Managed",
        gpu_instance_profile: properties.get("gpuInstanceProfile").and_then(Json::as_str).map(str::to_owned),
        spot,
        spot_eviction: known.spot_eviction.map(|_| eviction(properties)),
        upgrade: known.upgrade.as_ref().map(|declared| seen_upgrade(declared, properties)),
        zones: zones.filter_map(Json::as_str).map(str::to_owned).collect(),
        subnet_id: known.subnet_id.as_deref().and_then(|id| seen_subnet(id, properties)),
        os_disk_size_gb: known.os_disk_size_gb.and_then(|_| number("osDiskSizeGB")),
    };
    normalise(&mut spec);
    spec
}

fn eviction(properties: &Json) -> Eviction {
    let word = text(properties, "/scaleSetEvictionPolicy");
    if word.eq_ignore_ascii_case("Deallocate") { Eviction::Deallocate } else { Eviction::Delete }
}

/// Of the settings, those that were declared: the rest is the service's.
fn seen_upgrade(declared: &Upgrade, properties: &Json) -> Upgrade {
    let at = |name: &str| properties.pointer(&format!("/upgradeSettings/{name}"));
    let share = |name: &str| at(name).and_then(Json::as_str).map(str::to_owned);
    let minutes = |name: &str| at(name).and_then(Json::as_u64).and_then(|n| u32::try_from(n).ok());
    Upgrade {
        max_surge: declared.max_surge.as_ref().and_then(|_| share("maxSurge")),
        max_unavailable: declared.max_unavailable.as_ref().and_then(|_| share("maxUnavailable")),
        drain_timeout_minutes: declared.drain_timeout_minutes.and_then(|_| minutes("drainTimeoutInMinutes")),
        node_soak_minutes: declared.node_soak_minutes.and_then(|_| minutes("nodeSoakDurationInMinutes")),
    }
}

fn seen_subnet(declared: &str, properties: &Json) -> Option<String> {
    let found = text(properties, "/vnetSubnetID");
    (!found.is_empty()).then(|| spelled(declared, &found))
}

/// An answer that says nothing means that AKS installs it where there is a GPU.
fn driver(declared: GpuDriver, properties: &Json) -> Option<GpuDriver> {
    match text(properties, "/gpuProfile/driver").as_str() {
        "None" => Some(GpuDriver::None),
        "" => Some(declared).filter(|driver| *driver == GpuDriver::Install),
        _ => Some(GpuDriver::Install),
    }
}

/// Refuses what only a new system pool could do.
pub(crate) fn refuse_immutable(cluster: &str, old: &PoolSpec, new: &PoolSpec) -> Result<(), Error> {
    let mut new = new.clone();
    settle(old, &mut new);
    let Some(property) = immutable_change(old, &new) else { return Ok(()) };
    let summary = format!("`{property}` of system pool `{}` of `{cluster}` cannot be changed in place", old.name);
    Err(Error::new(Class::User, summary)
        .hint(format!("give `{property}` its present value, or add a pool with mode System and drain the old one")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu() -> PoolSpec {
        let mut spec = PoolSpec {
            name: "gpu".into(),
            mode: Mode::User,
            vm_size: "Standard_NC24ads_A100_v4".into(),
            count: Some(1),
            min_count: Some(0),
            max_count: Some(2),
            labels: [("tier".to_owned(), "gpu".to_owned())].into(),
            taints: vec!["sku=gpu:NoSchedule".into(), "a=b:NoExecute".into()],
            gpu_driver: Some(GpuDriver::Install),
            gpu_managed: true,
            gpu_instance_profile: None,
            spot: true,
            spot_eviction: Some(Eviction::Deallocate),
            upgrade: None,
            zones: vec!["2".into(), "1".into()],
            subnet_id: Some("/subscriptions/s/x".into()),
            os_disk_size_gb: None,
        };
        normalise(&mut spec);
        spec
    }

    /// As AKS gives it back: defaults filled in, its own taint and label added, the autoscaler at work.
    fn stored(spec: &PoolSpec) -> Json {
        let mut body = properties(spec, &json!({"t": "1"}));
        body["osDiskSizeGB"] = json!(128);
        body["count"] = json!(2);
        body["provisioningState"] = json!("Succeeded");
        body["maxPods"] = json!(110);
        body["nodeLabels"][SPOT] = json!("spot");
        body["nodeTaints"].as_array_mut().unwrap().push(json!(format!("{SPOT}=spot:NoSchedule")));
        body
    }

    #[test]
    fn what_aks_adds_is_no_difference() {
        let spec = gpu();
        assert_eq!(seen(&spec, "gpu", &stored(&spec)), spec);
    }

    #[test]
    fn what_an_import_finds_is_no_difference_to_what_made_it() {
        let upgrade = Upgrade { max_surge: Some("33%".into()), ..Upgrade::default() };
        let fixed = PoolSpec { min_count: None, max_count: None, spot: false, spot_eviction: None, ..gpu() };
        let sized = PoolSpec { os_disk_size_gb: Some(256), upgrade: Some(upgrade), ..fixed.clone() };
        let bare = PoolSpec { gpu_driver: Some(GpuDriver::None), gpu_managed: false, subnet_id: None, ..fixed };
        for made in [gpu(), sized, bare] {
            let mut body = properties(&made, &json!({}));
            body["osDiskSizeGB"] = json!(made.os_disk_size_gb.unwrap_or(128));
            let found = seen(&looked_for("gpu"), "gpu", &body);
            let mut declared = made.clone();
            settle(&found, &mut declared);
            assert_eq!(found, declared);
            assert_eq!(
                immutable_change(&found, &PoolSpec { os_disk_size_gb: Some(64), ..declared }),
                Some("osDiskSizeGb")
            );
        }
    }

    #[test]
    fn autoscaled_count() {
        let old = gpu();
        let mut new = PoolSpec { count: Some(7), ..gpu() };
        settle(&old, &mut new);
        assert_eq!(new, old);
        let mut fixed = PoolSpec { min_count: None, max_count: None, count: Some(7), ..gpu() };
        settle(&old, &mut fixed);
        assert_eq!(fixed.count, Some(7));
    }

    #[test]
    fn a_merge_keeps_what_we_do_not_know() {
        let spec = gpu();
        let present = stored(&spec);
        let same = merged(&present, &spec, &json!({"t": "1"}));
        assert!(is_same(&present, &same), "{same}");
        let wider =
            merged(&present, &PoolSpec { max_count: Some(5), labels: BTreeMap::new(), ..spec }, &json!({"t": "1"}));
        assert!(!is_same(&present, &wider));
        assert_eq!(
            (wider["maxPods"].as_u64(), wider["maxCount"].as_u64(), wider["count"].as_u64()),
            (Some(110), Some(5), Some(2))
        );
        assert_eq!(wider["nodeLabels"], json!({SPOT: "spot"}));
        assert!(wider.get("provisioningState").is_none());
    }

    #[test]
    fn upgrade_settings_that_nobody_declared_are_the_services() {
        let upgrade = Upgrade { max_surge: Some("33%".into()), ..Upgrade::default() };
        let spec = PoolSpec { spot: false, spot_eviction: None, upgrade: Some(upgrade), ..gpu() };
        let mut present = stored(&spec);
        present["upgradeSettings"]["drainTimeoutInMinutes"] = json!(30);
        assert_eq!(seen(&spec, "gpu", &present).upgrade, spec.upgrade);
        present["upgradeSettings"]["maxSurge"] = json!("10%");
        assert_ne!(seen(&spec, "gpu", &present).upgrade, spec.upgrade);
        let body = merged(&present, &spec, &json!({"t": "1"}));
        assert_eq!(body["upgradeSettings"], json!({"maxSurge": "33%", "drainTimeoutInMinutes": 30}));
    }

    #[test]
    fn a_managed_pool_says_how_its_gpus_are_cut() {
        let whole = properties(&gpu(), &json!({}));
        assert_eq!(whole["gpuProfile"]["nvidia"], json!({"managementMode": "Managed", "migStrategy": "None"}));
        let cut = properties(&PoolSpec { gpu_instance_profile: Some("MIG3g".into()), ..gpu() }, &json!({}));
        assert_eq!(
            cut["gpuProfile"],
            json!({"driver": "Install", "nvidia": {"managementMode": "Managed", "migStrategy": "Single"}})
        );
    }

    #[test]
    fn gpus_that_can_be_cut_are_told_from_others() {
        for size in ["Standard_NC24ads_A100_v4", "Standard_ND96asr_v4", "Standard_ND96isr_H100_v5"] {
            assert!(can_be_cut(size), "{size}");
        }
        for size in ["Standard_NC6s_v3", "Standard_NV36ads_A10_v5", "Standard_D4s_v5"] {
            assert!(!can_be_cut(size), "{size}");
        }
    }

    #[test]
    fn each_replacing_property_is_named() {
        let old = gpu();
        let rows: [(&str, PoolSpec); 6] = [
            ("vmSize", PoolSpec { vm_size: "Standard_NC6s_v3".into(), ..gpu() }),
            ("gpuInstanceProfile", PoolSpec { gpu_instance_profile: Some("MIG1g".into()), ..gpu() }),
            ("spot", PoolSpec { spot: false, ..gpu() }),
            ("gpuManaged", PoolSpec { gpu_managed: false, ..gpu() }),
            ("spotEviction", PoolSpec { spot_eviction: None, ..gpu() }),
            ("zones", PoolSpec { zones: vec![], ..gpu() }),
        ];
        for (property, new) in rows {
            assert_eq!(immutable_change(&old, &new), Some(property));
        }
        assert_eq!(immutable_change(&old, &PoolSpec { max_count: Some(9), taints: vec![], ..gpu() }), None);
    }

    #[test]
    fn counts_and_names_follow_the_rules_of_the_service() {
        let bad: [fn(&mut PoolSpec); 7] = [
            |s| s.name = "GPU".into(),
            |s| s.name = "0gpu".into(),
            |s| s.name = "thirteenchars".into(),
            |s| s.min_count = Some(3),
            |s| s.max_count = None,
            |s| s.taints.push("nonsense".into()),
            |s| s.gpu_instance_profile = Some("MIG9g".into()),
        ];
        for (row, spoil) in bad.iter().enumerate() {
            let (mut spec, mut findings) = (gpu(), Findings::default());
            spoil(&mut spec);
            check(&mut spec, "", &mut findings);
            assert_eq!(findings.failures.len(), 1, "row {row}");
        }
        let (mut spec, mut findings) = (gpu(), Findings::default());
        check(&mut spec, "", &mut findings);
        assert!(findings.failures.is_empty(), "{:?}", findings.failures);
    }
}

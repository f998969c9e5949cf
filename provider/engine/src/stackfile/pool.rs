//! A node pool, GPU or not.

use mops_core::Place;

use super::reader::{Check, Context, Mapping, Spanned, section};
use super::rule::{LabelKey, LabelValue, NodeShare, PoolName, VmSize};
use super::scalar::{Whole, words};
use super::taint::Taint;

words! {
    /// What a pool is for.
    PoolMode {
        /// Runs the cluster itself; Linux, at least one node.
        "System" System,
        /// Runs workloads.
        "User" User,
    }
}

words! {
    /// Who installs the GPU driver.
    GpuDriver {
        /// AKS.
        "install" Install,
        /// Nobody, or NVIDIA's operator.
        "none" None,
    }
}

words! {
    /// Who makes `nvidia.com/gpu` appear.
    GpuPlugin {
        /// A device plugin that the stack deploys.
        "device_plugin" DevicePlugin,
        /// NVIDIA's operator, installed by somebody else.
        "operator" Operator,
        /// AKS.
        "managed" Managed,
        /// Nobody.
        "none" None,
    }
}

words! {
    /// What becomes of spare machines that Azure takes back.
    Eviction {
        /// They are deleted.
        "delete" Delete,
        /// They are stopped; their disks stay and cost.
        "deallocate" Deallocate,
    }
}

words! {
    /// How an A100 or H100 is cut.
    MigProfile {
        /// One seventh.
        "MIG1g" Mig1g,
        /// Two sevenths.
        "MIG2g" Mig2g,
        /// Three sevenths.
        "MIG3g" Mig3g,
        /// Four sevenths.
        "MIG4g" Mig4g,
        /// The whole.
        "MIG7g" Mig7g,
    }
}

section! {
    /// GPU settings of a pool.
    Strict Gpu {
        /// Who installs the driver; default `install`.
        "driver" driver: Option<Spanned<GpuDriver>>,
        /// Who makes `nvidia.com/gpu` appear; default `device_plugin`, with `driver: none` it is `operator`.
        "plugin" plugin: Option<Spanned<GpuPlugin>>,
        /// How the GPU is cut; only on A100 and H100.
        "instance_profile" instance_profile: Option<Spanned<MigProfile>>,
    }
}

impl Gpu {
    /// Who installs the driver.
    #[must_use]
    pub fn driver(&self) -> GpuDriver {
        self.driver.as_ref().map_or(GpuDriver::Install, |d| d.value)
    }

    /// Who makes the GPU appear.
    #[must_use]
    pub fn plugin(&self) -> GpuPlugin {
        match (&self.plugin, self.driver()) {
            (Some(plugin), _) => plugin.value,
            (None, GpuDriver::Install) => GpuPlugin::DevicePlugin,
            (None, GpuDriver::None) => GpuPlugin::Operator,
        }
    }
}

impl Check for Gpu {
    fn check(&self, _: &Place, cx: &mut Context) {
        let (driver, plugin) = (self.driver(), self.plugin());
        let place = self.plugin.as_ref().map(|p| &p.place);
        if let (Some(place), GpuPlugin::Operator, GpuDriver::Install) = (place, plugin, driver) {
            cx.error(
                place,
                "`plugin: operator` needs `driver: none`",
                "the operator installs the driver itself: add `driver: none`",
            );
        }
        if let (Some(place), GpuPlugin::Managed, GpuDriver::None) = (place, plugin, driver) {
            cx.error(place, "`plugin: managed` brings its own driver", "delete `driver: none`");
        }
        if let (Some(place), GpuPlugin::DevicePlugin, GpuDriver::None) = (place, plugin, driver) {
            cx.error(place, "`plugin: device_plugin` needs a driver", "write `driver: install`, or `plugin: operator`");
        }
    }
}

section! {
    /// How the nodes of a pool are renewed when it is upgraded.
    Strict Upgrade {
        /// Nodes that are added meanwhile: a number, or a share such as `33%`. A spot pool gets none.
        "max_surge" max_surge: Option<Spanned<NodeShare>>,
        /// Nodes that may be missing meanwhile: a number, or a share.
        "max_unavailable" max_unavailable: Option<Spanned<NodeShare>>,
        /// Minutes until a node that cannot be emptied ends the upgrade.
        "drain_timeout_minutes" drain_timeout_minutes: Option<Spanned<Whole<1, 1440>>>,
        /// Minutes between emptying a node and renewing it.
        "node_soak_minutes" node_soak_minutes: Option<Spanned<Whole<0, 30>>>,
    }
}
impl Check for Upgrade {}

section! {
    /// A node pool.
    Strict Pool {
        /// 1 to 12 lower-case letters and digits, a letter first.
        "name" name: Spanned<PoolName>,
        /// Size of the machines, for example `Standard_D4s_v5`. Changing it replaces the pool.
        "vm_size" vm_size: Spanned<VmSize>,
        /// `System` or `User`; default `User`.
        "mode" mode: Option<Spanned<PoolMode>>,
        /// A fixed number of nodes; instead of `min` and `max`.
        "count" count: Option<Spanned<Whole<1, 1000>>>,
        /// Fewest nodes of an autoscaled pool.
        "min" min: Option<Spanned<Whole<0, 1000>>>,
        /// Most nodes of an autoscaled pool.
        "max" max: Option<Spanned<Whole<1, 1000>>>,
        /// Labels of the nodes.
        "labels" labels: Mapping<LabelValue>,
        /// Taints of the nodes.
        "taints" taints: Vec<Spanned<Taint>>,
        /// GPU settings.
        "gpu" gpu: Option<Spanned<Gpu>>,
        /// Cheaper machines that Azure may take back.
        "spot" spot: Option<Spanned<bool>>,
        /// What becomes of those that are taken back; default `delete`.
        "spot_eviction" spot_eviction: Option<Spanned<Eviction>>,
        /// How its nodes are renewed.
        "upgrade" upgrade: Option<Spanned<Upgrade>>,
        /// Availability zones.
        "zones" zones: Vec<Spanned<Whole<1, 9>>>,
        /// Size of the system disk in GiB.
        "os_disk_size_gb" os_disk_size_gb: Option<Spanned<Whole<30, 2048>>>,
    }
}

impl Pool {
    /// What the pool is for.
    #[must_use]
    pub fn mode(&self) -> PoolMode {
        self.mode.as_ref().map_or(PoolMode::User, |m| m.value)
    }

    /// Who installs the driver and who makes the GPU appear; `None` for a pool without NVIDIA's GPUs.
    #[must_use]
    pub fn gpu(&self) -> Option<(GpuDriver, GpuPlugin)> {
        match &self.gpu {
            Some(gpu) => Some((gpu.driver(), gpu.plugin())),
            None if has_nvidia(&self.vm_size) => Some((GpuDriver::Install, GpuPlugin::DevicePlugin)),
            None => None,
        }
    }
}

/// Sizes of the N family with NVIDIA's GPUs: not AMD's (MI300X, NVv4, `NV…ads_V710`), not FPGAs (NP).
fn has_nvidia(size: &str) -> bool {
    let size = size.to_ascii_lowercase();
    let family = size.strip_prefix("standard_").unwrap_or(&size);
    let amd =
        family.contains("mi300") || family.contains("v710") || (family.starts_with("nv") && family.ends_with("as_v4"));
    ["nc", "nd", "nv"].iter().any(|f| family.starts_with(f)) && !amd
}

impl Check for Pool {
    fn check(&self, place: &Place, cx: &mut Context) {
        self.check_count(place, cx);
        for (key, _) in &self.labels.0 {
            if LabelKey::new(key.value.clone()).is_none() {
                let summary = format!("`{}` is not the key of a label", super::tree::clip(key));
                cx.error(
                    &key.place,
                    summary,
                    "up to 63 letters, digits, `-`, `_` and `.`, with an optional `domain/` before",
                );
            }
        }
        if let (Some(spot), PoolMode::System) = (self.spot.as_ref().filter(|s| s.value), self.mode()) {
            cx.error(&spot.place, "a System pool cannot be a spot pool", "delete `spot`, or write `mode: User`");
        }
        self.check_spot(cx);
        if let (Some(plugin), PoolMode::System) = (self.managed(), self.mode()) {
            cx.error(plugin, "AKS manages GPUs of User pools only", "write `mode: User`, or `plugin: device_plugin`");
        }
    }
}

impl Pool {
    fn check_spot(&self, cx: &mut Context) {
        let spot = self.spot.as_ref().is_some_and(|s| s.value);
        if let Some(eviction) = self.spot_eviction.as_ref().filter(|_| !spot) {
            cx.error(&eviction.place, "`spot_eviction` belongs to a spot pool", "delete it, or write `spot: true`");
        }
        let surge = self.upgrade.as_ref().and_then(|u| u.max_surge.as_ref());
        if let Some(surge) = surge.filter(|_| spot) {
            cx.error(&surge.place, "a spot pool gets no further nodes while it is upgraded", "delete `max_surge`");
        }
    }

    /// Where AKS is asked to do everything for the GPUs.
    fn managed(&self) -> Option<&Place> {
        self.gpu.as_ref()?.plugin.as_ref().filter(|p| p.value == GpuPlugin::Managed).map(|p| &p.place)
    }

    fn check_count(&self, place: &Place, cx: &mut Context) {
        let name = self.name.as_str();
        match (&self.count, &self.min, &self.max) {
            (Some(_), None, None) => {}
            (None, Some(min), Some(max)) if min.0 > max.0 => {
                let summary = format!("min ({}) is greater than max ({})", min.0, max.0);
                cx.error(&min.place, summary, "lower `min` or raise `max`");
            }
            (None, Some(min), Some(_)) if min.0 < 1 && self.mode() == PoolMode::System => {
                let summary = format!("pool `{name}` is a System pool with min {}", min.0);
                cx.error(&min.place, summary, "a System pool needs at least one node: write `min: 1`");
            }
            (None, Some(_), Some(_)) => {}
            (Some(count), _, _) => {
                let summary = format!("pool `{name}` has both `count` and `min` or `max`");
                cx.error(&count.place, summary, "keep `count` for a fixed size, or `min` and `max` for autoscaling");
            }
            (None, Some(one), None) => {
                cx.error(&one.place, format!("pool `{name}` has `min` without `max`"), "add `max`");
            }
            (None, None, Some(one)) => {
                cx.error(&one.place, format!("pool `{name}` has `max` without `min`"), "add `min`");
            }
            (None, None, None) => {
                let summary = format!("pool `{name}` has neither `count` nor `min` and `max`");
                cx.error(place, summary, "add `count: 1`, or `min` and `max` for autoscaling");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::has_nvidia;

    #[test]
    fn gpu_sizes_are_told_from_others() {
        for gpu in ["Standard_NC24ads_A100_v4", "Standard_ND96asr_v4", "Standard_NC6s_v3", "Standard_NV36ads_A10_v5"] {
            assert!(has_nvidia(gpu), "{gpu}");
        }
        for other in ["Standard_B2s", "Standard_ND96isr_MI300X_v5", "Standard_NV8as_v4", "Standard_NP10s"] {
            assert!(!has_nvidia(other), "{other}");
        }
    }
}

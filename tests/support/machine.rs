//! The machine, in one line, so that a figure is never read without it.

use mops_host::fsx;

fn text(path: &str) -> String {
    fsx::read_text(std::path::Path::new(path)).unwrap_or_default()
}

/// Cores, memory, kernel and load.
#[must_use]
pub fn line() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = text("/proc/meminfo");
    let kib = memory.lines().find_map(|l| l.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    let release = text("/proc/sys/kernel/osrelease");
    let kernel = release.split('.').take(2).collect::<Vec<_>>().join(".");
    format!("{cores} cores · {} GiB · Linux {} · load {}", kib.unwrap_or(0) >> 20, kernel, load())
}

/// How this was compiled, beside figures that depend on it.
#[must_use]
pub const fn build() -> &'static str {
    if cfg!(debug_assertions) { "DEBUG BUILD, figures mean nothing" } else { "release" }
}

/// Load of the last minute.
#[must_use]
pub fn load() -> String {
    text("/proc/loadavg").split(' ').next().unwrap_or("?").to_owned()
}

//! The machine, in one line, so that a figure is never read without it.

use mops_host::fsx;

fn text(path: &str) -> String {
    fsx::read_text(std::path::Path::new(path)).unwrap_or_default()
}

/// Cores, memory, kernel, load and build.
pub(crate) fn line() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = text("/proc/meminfo");
    let kib = memory.lines().find_map(|l| l.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    let release = text("/proc/sys/kernel/osrelease");
    let kernel = release.split('.').take(2).collect::<Vec<_>>().join(".");
    let build = if cfg!(debug_assertions) { "DEBUG BUILD, figures mean nothing" } else { "release" };
    format!("{cores} cores · {} GiB · Linux {} · load {} · {build}", kib.unwrap_or(0) >> 20, kernel, load())
}

/// Load of the last minute.
pub(crate) fn load() -> String {
    text("/proc/loadavg").split(' ').next().unwrap_or("?").to_owned()
}

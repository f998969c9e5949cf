//! R4: a disk that is full, read-only or broken stops the run, and the next one goes on from what was announced.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use mops_engine::failpoint::{AVAILABLE, Failpoint};
use mops_tests::figures::{size, tell};
use mops_tests::skip::skipped;

use super::audit::Audit;
use super::round::{Round, said};

const UP: &[&str] = &["up", "--shape", "graph", "--n", "50"];
const CHANGE: &[&str] = &["up", "--shape", "graph", "--n", "50", "--value", "two"];
/// As many calls as run at once may have happened without their End.
const PARALLELISM: usize = 16;

/// A small file system that only a mount namespace of its own sees; it is looked into through that of a process in it.
struct Disk {
    holder: Child,
    mounted: PathBuf,
    _folder: tempfile::TempDir,
}

impl Disk {
    /// `None` where mounts are not allowed.
    #[expect(clippy::disallowed_methods, reason = "a process that holds a namespace as long as the test needs it")]
    fn of(kib: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = folder.path().to_owned();
        let script =
            format!("mount -t tmpfs -o mode=700,size={kib}k tmpfs '{}' && echo ready && cat", mounted.display());
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut holder = command.spawn().ok()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take()?).read_line(&mut line).ok()?;
        let disk = Self { holder, mounted, _folder: folder };
        (line == "ready\n").then_some(disk)
    }

    #[expect(clippy::disallowed_methods, reason = "a command in the namespace")]
    fn remount(&self, how: &str) {
        let pid = self.holder.id().to_string();
        let mut command = Command::new("nsenter");
        command.args(["-t", &pid, "-m", "mount", "-o", &format!("remount,{how}")]).arg(&self.mounted);
        assert!(command.status().unwrap().success(), "remount,{how}");
    }

    /// The folder, as seen from outside.
    fn path(&self) -> PathBuf {
        let inside = self.mounted.strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(inside)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[derive(Default)]
struct Sum {
    audit: Audit,
    full: u64,
    read_only: u64,
    broken: u64,
}

/// A run that cannot write: it must say so, and stop.
fn fails(round: &Round, words: &[&str], why: &str, sum: &mut Sum) -> bool {
    let before: Vec<String> = known(round);
    let done = round.run(words);
    if done.status.success() {
        return false;
    }
    assert_eq!(done.status.code(), Some(3), "{}", said(&done));
    assert!(said(&done).to_lowercase().contains(why), "{}", said(&done));
    // What happened without a word of it in state is what was under way when the disk gave up.
    let after: Vec<String> = known(round);
    let untold = round.book().iter().filter(|(name, _)| !before.contains(name) && !after.contains(name)).count();
    if untold > PARALLELISM {
        sum.audit.unsettled += 1;
        sum.audit.tell(format!("{untold} calls left after the disk had given up"));
    }
    true
}

/// The names in state, or none where there is no state yet.
fn known(round: &Round) -> Vec<String> {
    let state = mops_engine::state::read(&round.home, &mops_tests::null::stack()).unwrap();
    let resources = state.into_iter().flat_map(|s| s.resources);
    resources.map(|r| r.id.trim_start_matches("/things/").to_owned()).collect()
}

/// Fills up at one size after another, in the first run and in a later one.
fn full(sizes: impl Iterator<Item = u64>, sum: &mut Sum) -> bool {
    for kib in sizes {
        for later in [false, true] {
            let Some(disk) = Disk::of(if later { 4096 } else { kib }) else {
                return false;
            };
            let round = Round::with_home(&disk.path());
            let words = if later { CHANGE } else { UP };
            if later {
                round.finish(UP);
                disk.remount(&format!("size={}k", used(&round) + kib));
            }
            sum.full += u64::from(fails(&round, words, "no space left", sum));
            disk.remount("size=8192k");
            sum.audit.merge(round.converges(words, 50));
        }
    }
    true
}

/// What the files of the state take, in whole pages.
fn used(round: &Round) -> u64 {
    let folder = mops_engine::state::folder(&round.home, &mops_tests::null::stack());
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries.map(|e| e.metadata().map_or(0, |m| m.len()).div_ceil(4096) * 4).sum()
}

/// A folder that turned read-only, before the first run and before a later one.
fn read_only(sum: &mut Sum) {
    for later in [false, true] {
        let Some(disk) = Disk::of(4096) else { return };
        let round = Round::with_home(&disk.path());
        let words = if later { CHANGE } else { UP };
        if later {
            round.finish(UP);
        }
        let before = round.book();
        disk.remount("ro");
        sum.read_only += u64::from(fails(&round, words, "read-only", sum));
        assert_eq!(round.book(), before, "a call left although nothing could be written");
        disk.remount("rw");
        sum.audit.merge(round.converges(words, 50));
    }
}

/// Writes that answer EIO, at the failpoints of the writer.
fn broken(sum: &mut Sum, each: u64) {
    use Failpoint as F;
    let points = [
        F::FirstSnapshot,
        F::FirstJournal,
        F::FirstMeta,
        F::TornRecord,
        F::BatchWritten,
        F::RotateStart,
        F::RotateDropped,
        F::RotateKept,
        F::RotateReplaced,
        F::RotateEmptied,
    ];
    for (before, words) in [(None, UP), (Some(UP), CHANGE)] {
        for (point, n) in points.iter().flat_map(|point| (1..=each).map(move |n| (point, n))) {
            let round = Round::new();
            before.into_iter().for_each(|before| drop(round.finish(before)));
            let (reached, status) = round.struck(words, &format!("{}:{n}:error", point.name()));
            assert!(!reached || status.code() == Some(3), "{}: {status}", point.name());
            sum.broken += u64::from(reached);
            sum.audit.merge(round.converges(words, 50));
        }
    }
}

#[test]
fn a_disk_that_gives_up_stops_the_run_and_the_next_one_goes_on() {
    let mut sum = Sum::default();
    let step = size("MOPS_DISK_STEP_KIB", 32);
    if full((1..).map(|i| i * step).take_while(|kib| *kib <= 128), &mut sum) {
        read_only(&mut sum);
        assert!(sum.full > 0 && sum.read_only == 2, "{} {}", sum.full, sum.read_only);
    } else {
        skipped("mounts", "a_disk_that_gives_up_stops_the_run_and_the_next_one_goes_on");
    }
    if AVAILABLE {
        broken(&mut sum, if step < 32 { 4 } else { 1 });
    }
    let mut counts = vec![("points", sum.full + sum.read_only + sum.broken)];
    counts.extend([("full", sum.full), ("read_only", sum.read_only), ("broken", sum.broken)]);
    counts.extend(sum.audit.counts());
    tell("R4", &counts);
    sum.audit.must_be_clean();
}

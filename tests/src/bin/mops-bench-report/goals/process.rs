//! What a user waits for before anything is done: start, an empty preview, the size of the program (P1, P2, P9).

use super::{Bench, members};
use crate::ours::{Run, peak, wall};
use crate::row::{Goal, Report, Row, Unit};

impl Bench<'_> {
    pub(super) async fn version(&self, report: &mut Report) -> Result<(), String> {
        let mut row = Row::new("P1", "version", Unit::Millis, Goal::AtMost(5.0));
        let program = self.options.bin.join("mops");
        for _ in 0..self.many {
            row.ours.push(wall(&program, &["--version"]).await?);
            if let Some(peer) = self.peer {
                row.peer.push(peer.version_time().await?);
            }
        }
        report.add(row);
        let peaks: Vec<f64> = peak(&program, &["--version"], 0).await.into_iter().collect();
        let note = if peaks.is_empty() { "GNU time absent" } else { "" };
        report.add(Row::new("P1", "peak version", Unit::MebiBytes, Goal::AtMost(8.0)).ours(peaks).note(note));
        Ok(())
    }

    pub(super) async fn empty_preview(&self, report: &mut Report) -> Result<(), String> {
        let folder = self.fresh("empty")?;
        Run::up(0).measure(self.options, &folder).await?;
        let mut row = Row::new("P2", "preview-empty process", Unit::Millis, Goal::AtMost(15.0));
        let (program, dir) = (self.options.bin.join("mops-bench"), folder.display().to_string());
        for _ in 0..self.many {
            row.ours.push(wall(&program, &["preview", "--shape", "blocks", "--n", "0", "--dir", &dir]).await?);
        }
        report.add(row);
        let lines = [Run::preview(0).measure(self.options, &folder).await?];
        let derived = Row::new("P2", "derivations without secrets", Unit::Count, Goal::Exactly(0.0));
        report.add(derived.ours(members(&lines, "derivations")));
        Ok(())
    }

    pub(super) async fn preview_with_a_secret(&self, report: &mut Report) -> Result<(), String> {
        let folder = self.fresh("secret")?;
        let secret = |run| Run { secret: true, ..run };
        secret(Run::up(1)).measure(self.options, &folder).await?;
        let mut lines = Vec::new();
        for _ in 0..self.few {
            lines.push(secret(Run::preview(1)).measure(self.options, &folder).await?);
        }
        let row = Row::new("P2", "preview with a secret", Unit::Millis, Goal::AtMost(300.0));
        report.add(Row { cpu: members(&lines, "cpu_millis"), ..row }.ours(members(&lines, "millis")));
        let derived = Row::new("P2", "derivations with a secret", Unit::Count, Goal::Exactly(1.0));
        report.add(derived.ours(members(&lines, "derivations")));
        Ok(())
    }

    pub(super) fn size(&self, report: &mut Report) -> Result<(), String> {
        let program = self.options.bin.join("mops");
        let bytes = std::fs::metadata(&program).map_err(|e| format!("{}: {e}", program.display()))?.len();
        let row = Row::new("P9", "binary", Unit::MebiBytes, Goal::AtMost(20.0));
        report.add(row.ours(vec![bytes as f64 / f64::from(1 << 20)]));
        Ok(())
    }
}

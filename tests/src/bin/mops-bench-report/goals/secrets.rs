//! Secrets and recovery (P12, P13).

use super::{Bench, members};
use crate::ours::Run;
use crate::row::{Goal, Report, Row, Unit};

impl Bench<'_> {
    pub(super) async fn sealing(&self, report: &mut Report) -> Result<(), String> {
        let n = self.n;
        let lines = self.repeat(Run { verb: "seal", ..Run::up(n) }, "seal", self.few).await?;
        let row = Row::new("P12", format!("{n} secrets sealed+opened"), Unit::Millis, Goal::AtMost(20.0));
        report.add(row.ours(members(&lines, "millis")).note("beyond the derivation of the key"));
        Ok(())
    }

    pub(super) async fn recovery(&self, report: &mut Report) -> Result<(), String> {
        let n = self.n;
        let lines = self.repeat(Run { verb: "recover", ..Run::up(n) }, "recover", self.few).await?;
        let row = Row::new("P13", format!("recovery, {n} records"), Unit::Millis, Goal::AtMost(100.0));
        let row = row.note("16 of them open, each asked for at a service 20 ms away");
        report.add(Row { cpu: members(&lines, "cpu_millis"), ..row }.ours(members(&lines, "millis")));
        Ok(())
    }
}

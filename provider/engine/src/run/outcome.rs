//! What becomes of answers: recorded first, told when durable, and what follows for everything that waits.

use std::cmp::Reverse;

use mops_core::provider::Progress;
use mops_core::{Class, Error, Urn, Value};

use super::guard;
use super::machine::{Answer, Finished, Machine, Pending};
use super::nodes::{Node, Work};
use super::report::Failure;
use crate::event::{Body, Outcome};
use crate::failpoint::{Failpoint, hit};
use crate::plan::Op;
use crate::state::{Ended, Record};

impl Machine<'_> {
    /// An answer came back: it is recorded before anybody hears of it.
    pub(super) fn answered(&mut self, finished: Finished) {
        let Finished { node, result, millis } = finished;
        if let Err(error) = hit(Failpoint::AnswerReceived) {
            return self.breaks(error);
        }
        self.free(node);
        let urn = self.urn(node);
        let Some((begin, inputs)) = self.begun.remove(&node) else { return };
        let old = (self.op(node) == Op::Update).then(|| self.store.get(&urn).map(|r| r.id.clone())).flatten();
        let result = match result {
            Ok(Answer::Made(done)) => guard::answer(&urn, old.as_deref(), &inputs, done).map(Answer::Made),
            Ok(Answer::Removed) => Ok(Answer::Removed),
            Err(error) => Err(guard::error(&urn, error)),
        };
        let (ended, told) = match result {
            Ok(Answer::Made(done)) => {
                let outcome = if done.adopted { Outcome::Adopted } else { Outcome::Done };
                (Ended::Done { id: done.id, outputs: done.outputs, foreign: done.foreign }, Ok(outcome))
            }
            Ok(Answer::Removed) => (Ended::Gone { with: self.gone_with(node, &urn) }, Ok(Outcome::Done)),
            Err(error) => match error.partial().filter(|_| self.nodes[node].work == Work::Make).cloned() {
                Some(partial) => {
                    let reasons = std::iter::once(error.summary().to_owned()).chain(error.notes().iter().cloned());
                    (
                        Ended::Partial { id: partial.id, outputs: partial.outputs, reasons: reasons.collect() },
                        Err(error),
                    )
                }
                None if guard::nothing_happened(error.class()) => (Ended::Failed, Err(error)),
                // What it did is not known: its Begin stays open, and the next run looks.
                None => return self.tell(node, Err(error), millis),
            },
        };
        let made = told.is_ok();
        match self.store.push(Record::End { begin, at: self.now(), ended }) {
            Ok(sequence) => self.pending.push_back((sequence, Pending::Ended(node, told, millis))),
            Err(error) => return self.broken = Some(error),
        }
        if let Err(error) = hit(Failpoint::EndQueued) {
            return self.breaks(error);
        }
        if made {
            // What waits for it may write its Begin behind this End: the journal is a sequence, so that its call
            // leaves only when both are durable, and one sync covers the two.
            self.release(node);
        }
    }

    /// What leaves the state together with something that is gone: not what was made elsewhere in the meantime.
    fn gone_with(&mut self, node: usize, target: &Urn) -> Vec<Urn> {
        let store = &self.store;
        let with = &mut self.nodes[node].with;
        with.retain(|urn| store.get(urn).is_some_and(|r| r.deleted_with.as_ref() == Some(target)));
        with.clone()
    }

    pub(super) fn heard(&mut self, node: usize, progress: Progress) {
        match progress {
            Progress::Operation(url) => {
                if let Some((begin, _)) = self.begun.get(&node) {
                    if let Err(error) = hit(Failpoint::OperationHeard) {
                        return self.breaks(error);
                    }
                    let url = Value::String(url.into_exposed()).into_secret();
                    if let Err(error) = self.store.push(Record::Operation { begin: *begin, url }) {
                        self.broken = Some(error);
                    }
                }
            }
            Progress::Waiting(text) | Progress::Note(text) => {
                let urn = self.urn(node);
                self.send(Body::StepProgress { urn: urn.to_string(), name: urn.name().to_owned(), text });
            }
        }
    }

    /// A result is durable (or needs no record): everybody may hear of it.
    pub(super) fn tell(&mut self, node: usize, result: Result<Outcome, Error>, millis: u64) {
        let urn = self.urn(node);
        let (text, name, op) = (urn.to_string(), urn.name().to_owned(), self.word(node));
        match result {
            Ok(outcome) => {
                self.send(Body::StepFinished { urn: text, name, op, outcome, millis });
                self.count(node, outcome);
                self.release(node);
            }
            Err(error) => {
                let interrupted = error.class() == Class::Canceled && self.engine.cancel.is_canceled();
                self.send(Body::StepFailed {
                    urn: text,
                    name: name.clone(),
                    op,
                    class: format!("{:?}", error.class()),
                    summary: error.summary().to_owned(),
                    notes: error.notes().to_vec(),
                    hint: error.hint_text().map(str::to_owned),
                    millis,
                });
                self.report.totals.failed += 1;
                if !interrupted {
                    self.report.failures.push(Failure::of(&urn, self.op(node), &error));
                }
                self.over[node] = true;
                self.stop_dependants(node, &format!("`{name}` failed"));
                if self.halts && self.halted.is_none() {
                    self.halted = Some(name);
                }
            }
        }
    }

    fn count(&mut self, node: usize, outcome: Outcome) {
        let op = self.op(node);
        match (op, self.nodes[node].work, outcome) {
            (_, _, Outcome::Unchanged) => self.report.totals.unchanged += 1,
            // A replacement counts once, when its new one is made.
            (Op::Replace, Work::Remove, _) => {}
            (Op::Create, _, Outcome::Adopted) => self.report.totals.adopted += 1,
            _ => self.report.count(op),
        }
        self.report.totals.forgotten += self.nodes[node].with.len();
    }

    pub(super) fn release(&mut self, node: usize) {
        self.over[node] = true;
        let feeds = std::mem::take(&mut self.nodes[node].feeds);
        for next in feeds {
            let waiting = &mut self.nodes[next];
            waiting.waits -= 1;
            if waiting.waits == 0 && !self.over[next] {
                self.ready.push((waiting.priority, Reverse(next)));
            }
        }
    }

    pub(super) fn skip(&mut self, node: usize, because: &str) {
        self.over[node] = true;
        self.not_started(node, because);
        self.stop_dependants(node, because);
    }

    pub(super) fn not_started(&mut self, node: usize, because: &str) {
        let Node { step, work, .. } = self.nodes[node];
        // What only state would have learnt is no step for anybody.
        if work == Work::Barrier || step >= self.plan.steps.len() || self.op(node) == Op::Read {
            return;
        }
        let urn = self.urn(node);
        // The second call of a replacement is not a step of its own.
        let second = self.op(node) == Op::Replace && self.report.not_started.iter().any(|(u, _)| *u == urn);
        if second || self.report.failures.iter().any(|f| f.urn == urn) {
            return;
        }
        let (text, name, op) = (urn.to_string(), urn.name().to_owned(), self.word(node));
        self.send(Body::StepNotStarted { urn: text, name, op, because: because.to_owned() });
        self.report.totals.not_started += 1;
        self.report.not_started.push((urn, because.to_owned()));
    }

    /// Nothing that waits for this will start.
    fn stop_dependants(&mut self, node: usize, because: &str) {
        let mut queue = vec![node];
        while let Some(at) = queue.pop() {
            for next in std::mem::take(&mut self.nodes[at].feeds) {
                if !self.over[next] {
                    self.over[next] = true;
                    self.not_started(next, because);
                    queue.push(next);
                }
            }
        }
    }
}

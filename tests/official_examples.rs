//! Promise: the examples of Azure's official documents pass our judge, and our client hands every answer in them to its
//! caller whole: what it reads says what the service said. Needs the folder that `MOPS_AZURE_DATA` names.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method};
use mops_tests::http::Call;
use mops_tests::openapi::{Contract, Example};
use mops_tests::recordings::{ARM, Interaction};
use mops_tests::skip::skipped;
use serde_json::{Value, json};

use crate::replay::recording::Replay;
use crate::replay::scenarios::drive;

fn contract(test: &str) -> Option<&'static Contract> {
    let contract = Contract::official();
    if contract.is_none() {
        skipped("azure-data", test);
    }
    contract
}

fn call(example: &Example) -> Call {
    Call {
        method: example.verb.parse::<Method>().expect("a verb"),
        host: ARM.into(),
        path: example.path.clone(),
        raw_query: example.query.clone(),
        query: url::form_urlencoded::parse(example.query.as_bytes()).into_owned().collect(),
        headers: HeaderMap::new(),
        body: if example.body.is_null() { Bytes::new() } else { example.body.to_string().into() },
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "how much was judged belongs into the log")]
fn the_documents_own_examples_pass_the_judge() {
    let Some(contract) = contract("official examples before the judge") else { return };
    let examples = contract.examples();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for example in &examples {
        for fault in contract.faults(&call(example), &Value::Null) {
            *found.entry(format!("{} {}: {fault}", example.verb, example.path)).or_default() += 1;
        }
    }
    let bodies = examples.iter().filter(|example| example.body.is_object()).count();
    println!("examples={} with a body={bodies} faults={}", examples.len(), found.len());
    assert!(found.is_empty(), "{found:#?}");
}

/// The example as something that was recorded: its answer of this status.
fn recorded(example: &Example, status: u16, answer: &Value) -> Interaction {
    Interaction {
        method: example.verb.clone(),
        host: ARM.into(),
        // Some examples leave a value open, as `{subscription-id}`; one template has a query of its own.
        path: example.path.split('?').next().unwrap_or_default().replace(['{', '}'], ""),
        query: example.query.clone(),
        body: example.body.clone(),
        status,
        headers: json!({}),
        answer: answer.clone(),
    }
}

/// Whether an answer is the end, and is for reading: nothing goes on after it, and nothing was deleted.
fn is_final(example: &Example, status: u16, answer: &Value) -> bool {
    let state = answer.pointer("/properties/provisioningState").and_then(Value::as_str);
    let ended = matches!(status, 200 | 201) && answer.is_object() && matches!(state, None | Some("Succeeded"));
    ended && example.verb != "DELETE" && example.verb != "HEAD"
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how much was read belongs into the log")]
async fn every_final_answer_of_an_example_reaches_the_caller_whole() {
    let Some(contract) = contract("official examples before the client") else { return };
    let examples = contract.examples();
    let (mut read, mut skipped, mut lost) = (0, 0, Vec::new());
    for example in &examples {
        for (status, answer) in &example.answers {
            if !is_final(example, *status, answer) {
                skipped += 1;
                continue;
            }
            let interaction = recorded(example, *status, answer);
            let replay = Replay::start(vec![interaction.clone()]);
            let at = format!("{} {}", example.verb, example.path);
            match drive(&replay, &interaction).await {
                Ok(Some(body)) if body == *answer => read += 1,
                other => lost.push(format!("{at}: {other:?} instead of {answer}")),
            }
        }
    }
    println!("examples={} answers read={read} without a final body={skipped}", examples.len());
    assert!(read > 0 && lost.is_empty(), "{lost:#?}");
}

//! Instances and templates. A request is held against every limit of the description before anything is made.

use serde_json::{Value as Json, json};

use super::{Novita, refused, told};
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

/// An instance, as it was asked for.
pub(super) struct Machine {
    id: String,
    asked: Json,
    status: &'static str,
    /// For so many lists it does not show.
    hidden: u32,
}

/// What an instance does one after the other.
const LIFE: [&str; 4] = ["toCreate", "creating", "pulling", "running"];
const KNOWN: [&str; 17] = [
    "productId",
    "gpuNum",
    "rootfsSize",
    "imageUrl",
    "kind",
    "name",
    "imageAuthId",
    "imageAuth",
    "ports",
    "envs",
    "tools",
    "command",
    "clusterId",
    "networkStorages",
    "networkId",
    "month",
    "billingMode",
];

pub(super) fn routes() -> Vec<Route<Novita>> {
    const DEED: &str = "200 without content; 404 where there is none";
    vec![
        Route::new(
            "POST",
            "/gpu-instance/openapi/v1/gpu/instance/create",
            told("limits of the public description; 400 for a member that it does not have"),
            create,
        ),
        Route::new(
            "GET",
            "/gpu-instance/openapi/v1/gpu/instance",
            told("an instance as it was asked for, with its status"),
            get,
        ),
        Route::new(
            "GET",
            "/gpu-instance/openapi/v1/gpu/instances",
            told("pages from 1; a name fits where it is part of another"),
            list,
        ),
        Route::new("POST", "/gpu-instance/openapi/v1/gpu/instance/start", told(DEED), |n, c, _| deed(n, c, "running")),
        Route::new("POST", "/gpu-instance/openapi/v1/gpu/instance/stop", told(DEED), |n, c, _| deed(n, c, "exited")),
        Route::new("POST", "/gpu-instance/openapi/v1/gpu/instance/delete", told(DEED), |n, c, _| deed(n, c, "removed")),
        Route::new("GET", "/gpu-instance/openapi/v1/template", told("a template below `template`"), template),
    ]
}

impl Novita {
    /// The instances that were not removed: id, what was asked for, status.
    #[must_use]
    pub fn machines(&self) -> Vec<(String, Json, String)> {
        let state = self.state();
        let there = state.instances.iter().filter(|m| m.status != "removed");
        there.map(|m| (m.id.clone(), m.asked.clone(), m.status.to_owned())).collect()
    }

    pub(super) fn hide_last(&self, reads: u32) {
        if let Some(last) = self.state().instances.last_mut() {
            last.hidden = reads;
        }
    }
}

fn is_port(text: &str) -> bool {
    text.split_once('/').is_some_and(|(port, kind)| port.parse::<u16>().is_ok() && ["http", "tcp"].contains(&kind))
}

/// The member that is out of its limits.
fn wrong(body: &Json) -> Option<&'static str> {
    let text = |name: &str, most: usize| body[name].as_str().is_some_and(|t| (1..=most).contains(&t.chars().count()));
    let absent = |name: &str| body[name].is_null();
    let whole = |name: &str, least: u64, most: u64| body[name].as_u64().is_some_and(|n| (least..=most).contains(&n));
    let pairs = |name: &str, most: usize, keys: [&str; 2]| {
        let fits = |item: &Json| {
            item.as_object().is_some_and(|m| m.len() == 2) && keys.iter().all(|key| item[*key].is_string())
        };
        body[name].as_array().is_some_and(|items| items.len() <= most && items.iter().all(fits))
    };
    let rules = [
        ("productId", text("productId", 255)),
        ("gpuNum", whole("gpuNum", 1, 8)),
        ("rootfsSize", whole("rootfsSize", 10, 6144)),
        ("imageUrl", text("imageUrl", 500)),
        ("kind", ["gpu", "cpu"].iter().any(|kind| body["kind"] == *kind)),
        ("name", absent("name") || text("name", 255)),
        ("command", absent("command") || text("command", 2047)),
        ("ports", absent("ports") || body["ports"].as_str().is_some_and(|all| all.split(',').all(is_port))),
        ("envs", absent("envs") || pairs("envs", 100, ["key", "value"])),
        ("networkStorages", absent("networkStorages") || pairs("networkStorages", 30, ["Id", "mountPoint"])),
        ("imageAuth", absent("imageAuth") || absent("imageAuthId")),
        (
            "billingMode",
            absent("billingMode") || ["onDemand", "monthly", "spot"].iter().any(|mode| body["billingMode"] == *mode),
        ),
    ];
    let unknown = body.as_object().is_none_or(|members| members.keys().any(|name| !KNOWN.contains(&name.as_str())));
    rules.into_iter().find(|(_, fits)| !fits).map(|(name, _)| name).or(unknown.then_some("unknown field"))
}

fn create(novita: &Novita, call: &Call, _: &Params) -> Reply {
    let body = call.json().unwrap_or_default();
    if let Some(field) = wrong(&body) {
        return refused(400, "INVALID_PARAM", field);
    }
    let mut state = novita.state();
    if let Some(id) = body["imageAuthId"].as_str()
        && !state.auths.iter().any(|kept| kept.id == id)
    {
        return refused(400, "INVALID_PARAM", "imageAuthId");
    }
    let id = state.next("ins");
    state.instances.push(Machine { id: id.clone(), asked: body, status: LIFE[0], hidden: 0 });
    Reply::json(200, &json!({"id": id}))
}

fn shown(machine: &Machine) -> Json {
    let asked = &machine.asked;
    json!({
        "id": machine.id, "name": asked["name"], "status": machine.status, "imageUrl": asked["imageUrl"],
        "imageAuthId": asked["imageAuthId"], "productId": asked["productId"], "gpuNum": asked["gpuNum"].to_string(),
        "rootfsSize": asked["rootfsSize"], "statusError": {"state": "", "message": ""}
    })
}

fn get(novita: &Novita, call: &Call, _: &Params) -> Reply {
    let mut state = novita.state();
    let wanted = call.query("instanceId").unwrap_or_default();
    let Some(found) = state.instances.iter_mut().find(|m| m.id == wanted) else {
        return refused(404, "NOT_FOUND", "instance not found");
    };
    let reply = Reply::json(200, &shown(found));
    // Time passes between two looks.
    if let Some(next) = LIFE.iter().position(|s| *s == found.status).and_then(|at| LIFE.get(at + 1)) {
        found.status = next;
    }
    reply
}

fn list(novita: &Novita, call: &Call, _: &Params) -> Reply {
    let mut state = novita.state();
    let number = |name: &str| call.query(name).and_then(|n| n.parse::<usize>().ok()).filter(|n| *n > 0);
    let (Some(size), Some(page)) = (number("pageSize"), number("pageNum")) else {
        return refused(400, "INVALID_PARAM", "pageSize, pageNum");
    };
    let fits = |m: &Machine| {
        let name = m.asked["name"].as_str().unwrap_or_default();
        let named = call.query("name").is_none_or(|wanted| name.contains(wanted));
        m.hidden == 0 && named && call.query("status").is_none_or(|status| m.status == status)
    };
    let all: Vec<Json> = state.instances.iter().filter(|m| fits(m)).map(shown).collect();
    state.instances.iter_mut().for_each(|m| m.hidden = m.hidden.saturating_sub(1));
    let there: Vec<&Json> = all.iter().skip((page - 1) * size).take(size).collect();
    Reply::json(200, &json!({"instances": there, "total": all.len(), "pageNum": page, "pageSize": size}))
}

fn deed(novita: &Novita, call: &Call, status: &'static str) -> Reply {
    let body = call.json().unwrap_or_default();
    let mut state = novita.state();
    let found = state.instances.iter_mut().find(|m| body["instanceId"] == m.id.as_str() && m.status != "removed");
    let Some(found) = found else { return refused(404, "NOT_FOUND", "instance not found") };
    found.status = status;
    Reply::empty(200)
}

fn template(novita: &Novita, call: &Call, _: &Params) -> Reply {
    match novita.state().templates.get(call.query("templateId").unwrap_or_default()) {
        Some(template) => Reply::json(200, &json!({"template": template})),
        None => refused(404, "NOT_FOUND", "template not found"),
    }
}

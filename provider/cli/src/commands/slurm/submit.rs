//! `mops slurm submit`: a script of this machine as a job of a host, with its arguments as they are and no token on any
//! command line or in its record (`e2e::slurm`, K-21; `tests/slurm.rs`).

use std::cell::Cell;

use mops_host::fsx::{self, reason};
use mops_probe::Observation;
use mops_probe::observation::code;
use mops_tokens::envfile::Variables;
use mops_tokens::slurm::request::{self, GpuRequest, Request};
use mops_tokens::slurm::submit::{self, Job, Order};
use mops_tokens::slurm::{Refused, gpus, nodes};
use schemars::JsonSchema;
use serde::Serialize;

use super::tokens::{self, Look};
use super::{refusal, unless_canceled};
use crate::app::App;
use crate::args::SlurmSubmitArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::key;
use crate::login_node::{self, LoginNode};

/// A connection that ends before the number came.
const UNKNOWN: &str = "whether the job was submitted is not known: look with `mops slurm status` first";
/// What SLURM takes by itself.
const LONGEST: usize = 4 << 20;
/// Shorter values are in too many words.
const SHORTEST: usize = 8;
/// What a job should have from the file of tokens alone.
const USUAL: [&str; 5] = ["HF_TOKEN", "WANDB_API_KEY", "HUGGING_FACE_HUB_TOKEN", "NGC_API_KEY", "NOVITA_API_KEY"];

/// A job was submitted.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SubmittedLine {
    /// `USER@HOST`.
    host: String,
    /// Its number.
    id: String,
    /// The cluster, where a host has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    /// The script there.
    script: String,
    /// KOA_ML_CODE_ROOT of the job.
    code_root: String,
    /// KOA_ML_DATA_ROOT of the job.
    data_root: String,
    /// What `sbatch` was given before the script.
    options: Vec<String>,
    /// What nodes that take jobs have, the best type first; empty where GPUs were not looked for.
    gpus: Vec<SupplyLine>,
    /// What should be looked at.
    warnings: Vec<String>,
}

/// GPUs of one type.
#[derive(Serialize, JsonSchema)]
struct SupplyLine {
    /// SLURM's word for the type.
    kind: String,
    /// How many no job has.
    free: u32,
    /// How many there are.
    total: u32,
    /// On how many nodes.
    nodes: usize,
}

impl From<gpus::Supply> for SupplyLine {
    fn from(supply: gpus::Supply) -> Self {
        let gpus::Supply { kind, free, total, nodes } = supply;
        Self { kind, free, total, nodes }
    }
}

/// What `sbatch` is given, and what it was chosen from.
#[derive(Default)]
struct Options {
    words: Vec<String>,
    supply: Vec<gpus::Supply>,
}

/// What is to be submitted, as far as it is known here.
struct Draft {
    node: LoginNode,
    script: String,
    name: String,
    /// By flags, then words for sbatch, then the script's own lines.
    request: Request,
    /// The script's own.
    own: Request,
    /// By words for sbatch.
    words: Request,
    local: Variables,
}

pub(crate) fn run(app: &App, args: &SlurmSubmitArgs) -> Outcome {
    let draft = draft(app, args)?;
    let limit = draft.request.time.as_deref().and_then(request::time_limit);
    let look = (!args.tokens.no_token_check).then(|| Look::new(app, args, limit)).transpose()?;
    let sending = Cell::new(false);
    let done = app.wait_for(unless_canceled(app, async {
        if let Some(look) = look {
            look.good(app).await?;
        }
        let options = options(app, args, &draft).await?;
        sending.set(true);
        let (job, seen) = submitted(app, args, &draft, &options.words).await?;
        Ok((job, options, seen))
    }));
    if sending.get() && matches!(done, Err(Failure::Told(Exit::Interrupted))) {
        app.printer.note(UNKNOWN);
    }
    let (job, options, seen) = done?;
    login_node::notes(app, &seen);
    told(app, &draft, job, options);
    Ok(Exit::Ok)
}

fn draft(app: &App, args: &SlurmSubmitArgs) -> Result<Draft, Failure> {
    key::none_of(args.args.iter().chain(&args.asked.sbatch_arg).map(String::as_str))?;
    let node = login_node::named(app, &args.host)?;
    let (script, name) = read(app, args)?;
    let (own, words) = (Request::of_script(&script), Request::of_words(&args.asked.sbatch_arg));
    let flags =
        Request { partition: args.asked.partition.clone(), time: args.asked.time.clone(), ..Request::default() };
    let request = flags.or(words.clone()).or(own.clone());
    let local = tokens::values(args.tokens.env_file.as_deref());
    let draft = Draft { node, script, name, request, own, words, local };
    draft.holds_no_token(args)?;
    Ok(draft)
}

fn read(app: &App, args: &SlurmSubmitArgs) -> Result<(String, String), Failure> {
    let path = app.env.path(&args.script.display().to_string());
    let shown = path.display();
    let script = fsx::read_text(&path).map_err(|error| {
        Failure::usage(
            format!("`{shown}` cannot be read: {}", reason(&error)),
            "name the script of the job on this machine",
        )
    })?;
    if script.len() > LONGEST {
        return Err(Failure::usage(format!("`{shown}` is larger than 4 MiB"), "SLURM takes no such script"));
    }
    let own = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = args.remote_name.clone().unwrap_or(own);
    if name.contains('\n') {
        return Err(Failure::usage("the name of the script has a line break", "give another by `--remote-name`"));
    }
    Ok((script, name))
}

impl Draft {
    /// SLURM keeps scripts, arguments and what `--export` sets where others may read them.
    fn holds_no_token(&self, args: &SlurmSubmitArgs) -> Result<(), Failure> {
        const HINT: &str = "leave it to the file of tokens: `mops tokens sync` sends it, `mops tokens loader` reads it";
        let set = self.request.export.iter().flat_map(|list| list.split(','));
        if let Some((name, _)) = set.filter_map(|entry| entry.split_once('=')).find(|(name, _)| tokens::is_token(name))
        {
            return Err(Failure::usage(format!("`--export` would write {name} into the record of the job"), HINT));
        }
        let words = || args.args.iter().chain(&args.asked.sbatch_arg);
        for (name, value) in self.local.iter().filter(|(_, value)| value.expose().len() >= SHORTEST) {
            let value = value.expose().as_str();
            let place = match () {
                () if words().any(|word| word.contains(value)) => "an argument holds",
                () if self.script.contains(value) => "the script holds",
                () => continue,
            };
            let text = format!("{place} the value of {name}, which the record of the job would show");
            return Err(Failure::usage(text, HINT));
        }
        Ok(())
    }

    /// Names of tokens that would come from the environment of the session on the host.
    fn inheritable(&self) -> Vec<String> {
        let names = USUAL.iter().map(|&name| name.to_owned());
        let mut names: Vec<String> = names.chain(self.local.iter().map(|(name, _)| name.clone())).collect();
        names.sort_unstable();
        names.dedup();
        let Some(list) = &self.request.export else { return names };
        let exported: Vec<&str> = list.split(',').map(str::trim).collect();
        names.retain(|name| exported.contains(&"ALL") || exported.contains(&name.as_str()));
        names
    }
}

/// The words of sbatch.
async fn options(app: &App, args: &SlurmSubmitArgs, draft: &Draft) -> Result<Options, Failure> {
    let asked = &args.asked;
    let preset = draft.request.partition.is_none().then(|| draft.node.partition.clone()).flatten();
    let mut partition = asked.partition.clone().or(preset);
    let (gpus, supply) = if let Some(text) = &asked.gpus {
        let form = draft.own.gpus.clone().unwrap_or_else(|| GpuRequest::plain(1));
        let (kind, count) = text.split_once(':').map_or((None, text.as_str()), |(kind, count)| (Some(kind), count));
        let count = count.parse().unwrap_or(1);
        (Some(GpuRequest { kind: kind.map(str::to_owned), count, ..form }.of(None)), Vec::new())
    } else {
        let chosen = chosen(app, args, draft, partition.as_deref()).await?;
        partition = partition.or(chosen.partition);
        (chosen.option, chosen.supply)
    };
    let option = |name: &str, value: Option<&String>| value.map(|value| format!("--{name}={value}"));
    let cpus = asked.cpus.map(|count| count.to_string());
    let named = [
        option("partition", partition.as_ref()),
        option("time", asked.time.as_ref()),
        gpus,
        option("cpus-per-task", cpus.as_ref()),
        option("mem", asked.memory.as_ref()),
        option("account", asked.account.as_ref()),
        option("qos", asked.qos.as_ref()),
    ];
    let words = named.into_iter().flatten().chain(asked.sbatch_arg.iter().cloned()).collect();
    Ok(Options { words, supply })
}

/// GPUs that nobody asked for by type.
#[derive(Default)]
struct Chosen {
    option: Option<String>,
    /// Where jobs do not go by themselves.
    partition: Option<String>,
    supply: Vec<gpus::Supply>,
}

async fn chosen(app: &App, args: &SlurmSubmitArgs, draft: &Draft, partition: Option<&str>) -> Result<Chosen, Failure> {
    let own = draft.own.gpus.clone().unwrap_or_else(|| GpuRequest::plain(1));
    if args.asked.no_auto_gpu || draft.words.gpus.is_some() || own.kind.is_some() || own.count == 0 {
        return Ok(Chosen::default());
    }
    let asked = nodes::ask(&app.env, &draft.node.host).await.map_err(login_node::no_ssh)?;
    let nodes = match asked.nodes {
        Ok(nodes) => nodes,
        Err(refused) => return Err(refusal(refused, &asked.seen)),
    };
    let lists = [&args.asked.gpu_order, &draft.node.gpu_order];
    let order = lists.into_iter().find(|list| !list.is_empty()).cloned();
    let order = order.unwrap_or_else(|| gpus::ORDER.map(str::to_owned).to_vec());
    let partition = partition.or(draft.request.partition.as_deref());
    let wanted = gpus::Wanted { partition, count: own.count, order: &order };
    let supply = gpus::supply(&nodes, &wanted);
    let counts: Vec<String> =
        supply.iter().map(|s| format!("{} {} of {} free on {}", s.kind, s.free, s.total, counted(s.nodes))).collect();
    let there = partition.map(|name| format!(" in {name}")).unwrap_or_default();
    let counts = if counts.is_empty() { format!("none on idle or mixed nodes{there}") } else { counts.join(", ") };
    let Some(choice) = gpus::choose(&nodes, &wanted) else {
        app.printer.note(&format!("GPUs: {counts}; nothing is chosen, and the script's own request is kept"));
        return Ok(Chosen { supply, ..Chosen::default() });
    };
    let option = own.of(Some(&choice.kind));
    let waits = if choice.now { "" } else { ", which the job has to wait for" };
    app.printer.note(&format!(
        "GPUs: {counts}; chosen {} in {}{waits}",
        option.trim_start_matches("--"),
        choice.partition
    ));
    let elsewhere = partition.is_none() && !choice.default;
    Ok(Chosen { option: Some(option), partition: elsewhere.then_some(choice.partition), supply })
}

fn counted(nodes: usize) -> String {
    if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") }
}

async fn submitted(
    app: &App,
    args: &SlurmSubmitArgs,
    draft: &Draft,
    options: &[String],
) -> Result<(Job, Vec<Observation>), Failure> {
    let data = args.data_dir.as_ref().or(draft.node.data.as_ref());
    let order = Order {
        script: &draft.script,
        name: &draft.name,
        workdir: &draft.node.workdir,
        data: data.map(String::as_str).unwrap_or_default(),
        options,
        args: &args.args,
        tokens: &draft.inheritable(),
    };
    let sent = submit::send(&app.env, &draft.node.host, &order).await.map_err(login_node::no_ssh)?;
    match sent.job {
        Ok(job) => Ok((job, sent.seen)),
        Err(refused) => {
            let cut = [code::CONNECTION_BROKEN, code::TIMEOUT];
            if refused == Refused::Seen && sent.seen.iter().any(|seen| cut.iter().any(|code| seen.has_code(code))) {
                app.printer.note(UNKNOWN);
            }
            Err(refusal(refused, &sent.seen))
        }
    }
}

fn told(app: &App, draft: &Draft, job: Job, options: Options) {
    let host = draft.node.host.name();
    let mut warnings: Vec<String> = job.said.iter().filter(|line| !line.trim().is_empty()).cloned().collect();
    warnings.extend(job.inherited.iter().map(|name| {
        format!("{name} is in the environment of your sessions on the host, and the job inherits it: take it out of the profile there, or give `--sbatch-arg=--export=NONE`")
    }));
    let roots = draft.request.export.as_deref().is_some_and(|list| !list.split(',').any(|word| word.trim() == "ALL"));
    if roots {
        warnings.push("`--export` keeps KOA_ML_CODE_ROOT and KOA_ML_DATA_ROOT from the job".to_owned());
    }
    if !request::reads_tokens(&draft.script) {
        warnings.push(
            "the script does not read the file of tokens: put what `mops tokens loader` prints at its beginning"
                .to_owned(),
        );
    }
    warnings.iter().for_each(|warning| app.printer.note(warning));
    let given = match options.words.as_slice() {
        [] => String::new(),
        words => format!(" with {}", words.join(" ")),
    };
    app.printer.tell(&format!("job {} on {host}{given}", job.id));
    app.printer.hint(&format!("`mops slurm logs {} -f` shows what it writes", job.id));
    match app.printer.look().json {
        true => app.printer.object(&SubmittedLine {
            host,
            id: job.id,
            cluster: job.cluster,
            script: job.script,
            code_root: job.code_root,
            data_root: job.data_root,
            options: options.words,
            gpus: options.supply.into_iter().map(SupplyLine::from).collect(),
            warnings,
        }),
        false => app.printer.data(&job.id),
    }
}

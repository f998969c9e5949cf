//! Names for what is asked of other services than a registry and a cluster: models, tokens, SLURM hosts, clouds of
//! GPUs and the container engine. Rules read them; the commands of these services make them.

/// Names of the checks.
pub mod check {
    /// A model server's live endpoint; the target is its Deployment.
    pub const NIM_LIVE: &str = "nim.live";
    /// A model server's ready endpoint; the target is its Deployment.
    pub const NIM_READY: &str = "nim.ready";

    /// Whose token it is; the target is the host of the Hub. Not made without a token.
    pub const HF_WHOAMI: &str = "hf.whoami";
    /// What the token may do, as the Hub says; passes, with a code where it matters.
    pub const HF_ROLE: &str = "hf.role";
    /// The access check of a model and HEAD of one file; the target is `ORG/NAME`. Not made after a refused token.
    pub const HF_ACCESS: &str = "hf.access";
    /// A host from which the Hub gives files; the target is that host.
    pub const HF_FILES: &str = "hf.files";

    /// The form of the key: how long it is.
    pub const WANDB_KEY: &str = "wandb.key";
    /// Whose key it is; the target is the host of the service.
    pub const WANDB_VIEWER: &str = "wandb.viewer";
    /// The entity among the user's own and those of the teams; the target is the entity.
    pub const WANDB_ENTITY: &str = "wandb.entity";
    /// The project of the entity; the target is `ENTITY/PROJECT`.
    pub const WANDB_PROJECT: &str = "wandb.project";

    /// A session with a host; the target is the host as the user names it.
    pub const SSH_SESSION: &str = "ssh.session";
    /// A command of ours in that session, whose output stands between markers.
    pub const SSH_COMMAND: &str = "ssh.command";
    /// The file of tokens on the host; the target is `HOST:PATH`.
    pub const SLURM_FILE: &str = "slurm.file";
    /// Who may read that file, by mode and access list.
    pub const SLURM_FILE_MODE: &str = "slurm.file_mode";
    /// Whose file it is, and whose folder.
    pub const SLURM_FILE_OWNER: &str = "slurm.file_owner";
    /// A write of that file; one that fails leaves the old file.
    pub const SLURM_WRITE: &str = "slurm.write";
    /// One name in that file against the local one, by a hash with a nonce; the target is the name.
    pub const SLURM_TOKEN: &str = "slurm.token";
    /// What a job's log tells about its tokens; the target is the job.
    pub const SLURM_JOB_LOG: &str = "slurm.job_log";
    /// A service reached from the login node; the target is the service's host.
    pub const SLURM_LOGIN_REACH: &str = "slurm.login_reach";
    /// A service reached from a job on a compute node; the target is the service's host.
    pub const SLURM_JOB_REACH: &str = "slurm.job_reach";

    /// The key of the API is given; nothing is sent for it.
    pub const NOVITA_KEY: &str = "novita.key";
    /// The list of registry logins; the target is the host of the API.
    pub const NOVITA_AUTHS: &str = "novita.auths";
    /// A registry login by its id, in that list; the reason names the nearest ids.
    pub const NOVITA_AUTH: &str = "novita.auth";
    /// The password of a registry login, where one is needed.
    pub const NOVITA_PASSWORD: &str = "novita.password";
    /// The request for an instance; the target is its template or name.
    pub const NOVITA_INSTANCE: &str = "novita.instance";

    /// The engine answers; the target is its socket.
    pub const ENGINE: &str = "engine.api";
    /// The engine's pull of an image. A refusal that it repeats from a registry is skipped: a probe of ours decides that.
    pub const ENGINE_PULL: &str = "engine.pull";
    /// The engine's start of a container; the target is the container.
    pub const ENGINE_START: &str = "engine.start";
    /// A port of this machine that the container is to have; the target is `ADDRESS:PORT`.
    pub const ENGINE_PORT: &str = "engine.port";
    /// The container still runs after its start.
    pub const ENGINE_RUN: &str = "engine.run";
    /// The requirements installed in the container; the target is their file.
    pub const ENGINE_REQUIREMENTS: &str = "engine.requirements";
}

/// Names of the credentials with which a check is made, beside those of the probe.
pub mod variant {
    /// What a client has saved in a file of its own.
    pub const SAVED: &str = "saved";
    /// What the file on a SLURM host holds; used there.
    pub const HOST: &str = "host";
}

/// Codes of [`check`]; a service's own code is passed on as it is.
pub mod code {
    /// It is not there.
    pub const NOT_FOUND: &str = "NOT_FOUND";
    /// It is there and blank.
    pub const EMPTY: &str = "EMPTY";
    /// It is not the same as the local one.
    pub const DIFFERS: &str = "DIFFERS";
    /// The operating system refused.
    pub const PERMISSION_DENIED: &str = "PERMISSION_DENIED";
    /// The answer has not the form that it should have.
    pub const MALFORMED: &str = "MALFORMED";

    /// The Hub's code for a model that is given to members only.
    pub const GATED_REPO: &str = "GatedRepo";
    /// The Hub's code for a model that does not exist, or not for this token.
    pub const REPO_NOT_FOUND: &str = "RepoNotFound";
    /// The Hub says that a request for access waits for its authors.
    pub const AWAITING_REVIEW: &str = "AWAITING_REVIEW";
    /// The Hub says that the authors rejected the request.
    pub const REJECTED: &str = "REJECTED";
    /// The Hub says that the model is switched off.
    pub const DISABLED: &str = "DISABLED";
    /// The token reads.
    pub const READ: &str = "READ";
    /// The token writes.
    pub const WRITE: &str = "WRITE";
    /// A token of chosen rights, among them gated models.
    pub const FINE_GRAINED: &str = "FINE_GRAINED";
    /// A token of chosen rights without gated models.
    pub const FINE_GRAINED_NOT_GATED: &str = "FINE_GRAINED_NOT_GATED";

    /// A good answer that names no user.
    pub const EMPTY_VIEWER: &str = "EMPTY_VIEWER";
    /// A key of 40 characters.
    pub const SHORT_KEY: &str = "SHORT_KEY";
    /// A key of 86 characters.
    pub const LONG_KEY: &str = "LONG_KEY";

    /// Somebody else may read it.
    pub const OPEN_MODE: &str = "OPEN_MODE";
    /// An access list names somebody else.
    pub const ACCESS_LIST: &str = "ACCESS_LIST";
    /// It belongs to another user.
    pub const OTHER_OWNER: &str = "OTHER_OWNER";
    /// The user's quota is used up.
    pub const QUOTA: &str = "QUOTA";
    /// The job never said that it loads the file.
    pub const NOT_LOADED: &str = "NOT_LOADED";
    /// The job warned that it found no file.
    pub const NO_FILE: &str = "NO_FILE";
    /// The host shows a key that is not known.
    pub const HOST_KEY_UNKNOWN: &str = "HOST_KEY_UNKNOWN";
    /// The host shows another key than before.
    pub const HOST_KEY_CHANGED: &str = "HOST_KEY_CHANGED";
    /// The host refuses the user's key.
    pub const KEY_REFUSED: &str = "KEY_REFUSED";
    /// The host takes the key and wants a second factor.
    pub const SECOND_FACTOR: &str = "SECOND_FACTOR";
    /// Not one marker of ours came back.
    pub const NO_MARKERS: &str = "NO_MARKERS";
    /// The profile prints around our output.
    pub const NOISE: &str = "NOISE";

    /// The variable is not set.
    pub const NOT_SET: &str = "NOT_SET";
    /// Mask characters stand where a password is needed.
    pub const MASKED: &str = "MASKED";
    /// No machine of this kind is free; the service's own code.
    pub const INSUFFICIENT_RESOURCE: &str = "INSUFFICIENT_RESOURCE";
    /// A refusal that speaks of a quota, a limit or too little.
    pub const LIMIT: &str = "LIMIT";
    /// A refusal that does not.
    pub const FORBIDDEN: &str = "FORBIDDEN";

    /// No GPU driver or runtime for the container.
    pub const NO_GPU: &str = "NO_GPU";
    /// No space left on the device.
    pub const NO_SPACE: &str = "NO_SPACE";
    /// An error of the engine that names no login.
    pub const ENGINE_FAILED: &str = "ENGINE_FAILED";
    /// Something else listens there.
    pub const BUSY: &str = "BUSY";
    /// The container ended at once, or its program could not be started.
    pub const EXITED: &str = "EXITED";
    /// The installer ended with an error.
    pub const INSTALL_FAILED: &str = "INSTALL_FAILED";
}

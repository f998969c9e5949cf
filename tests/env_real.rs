//! L-18 with real engines, Docker's daemon and Podman's service, each with storage of its own and the socket of a test: an
//! image with something that runs, from a registry that wants a login. What the fake of `tests/env_up.rs` shows is shown here.

use std::path::Path;

use mops_core::Secret;
use mops_host::fsx;
use mops_host::proc::Output;
use mops_tests::image::{Entry, Image, MANIFEST};
use mops_tests::place::{Input, Place};
use mops_tests::real::daemon::{Daemon, Ready};
use mops_tests::real::docker_registry::{DockerRegistry, installed};
use mops_tests::skip::skipped;
use mops_tests::tls::Authority;
use mops_wire::registry::{Auth, Client, Reference};
use mops_wire::{Http, HttpConfig};

const PASSWORD: &str = "canary-of-this-test";
/// Writes what it is asked to do, and fails over a file that names `broken`.
const PIP: &str = "#!/bin/busybox sh\necho \"pip $*\"\n! /bin/busybox grep broken \"$4\"\n";
/// The names under which busybox is called.
const WORDS: [&str; 3] = ["sh", "sleep", "cat"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Docker,
    Podman,
}

/// A project, an engine of its own, and a registry with one image.
struct Desk {
    place: Place,
    image: String,
    _engine: Daemon,
    _registry: DockerRegistry<std::net::SocketAddr>,
}

fn missing(kind: Kind, test: &str) -> bool {
    let (program, component) = match kind {
        Kind::Docker => ("/usr/sbin/dockerd", "docker"),
        Kind::Podman => ("/usr/bin/podman", "podman"),
    };
    if !Path::new(program).exists() || !Path::new("/bin/busybox").exists() {
        skipped(component, test);
    } else if !installed() {
        skipped("registry", test);
    } else if !rustix::process::geteuid().is_root() {
        skipped("root", test);
    } else {
        return false;
    }
    true
}

async fn engine(kind: Kind, place: &Place, ca: &str, host: &str) -> Daemon {
    let dir = place.path().join("engine");
    fsx::create_dir_all(&dir).expect("a folder");
    let (d, socket) = (dir.display(), place.path().join("engine.sock"));
    let path = |name: &str| dir.join(name).display().to_string();
    let (authorities, service) = match kind {
        Kind::Docker => {
            let paths = format!("--data-root={d}/data --exec-root={d}/run --pidfile={d}/pid");
            let rest = "--bridge=none --iptables=false --storage-driver=vfs --log-level=error";
            ("/etc/docker", format!("dockerd {paths} --host=unix://{} {rest}", socket.display()))
        }
        Kind::Podman => {
            // Limits that a machine of tests may set.
            let config = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n";
            fsx::replace(&dir.join("containers.conf"), config.as_bytes()).expect("a file");
            let paths = format!("--root {d}/root --runroot {d}/runroot --storage-driver vfs --cgroup-manager cgroupfs");
            let rest = format!("--events-backend file system service --time 0 unix://{}", socket.display());
            ("/etc/containers/certs.d", format!("podman {paths} {rest}"))
        }
    };
    // Both read the authority of a registry from a folder of the machine, which is another one in here. Whatever they
    // have started ends with them.
    let certificates = if kind == Kind::Docker { "/etc/docker/certs.d" } else { authorities };
    let trust =
        format!("mkdir -p {authorities} && mount -t tmpfs none {authorities} && mkdir -p {certificates}/{host}");
    let script = format!("{trust} && cp {ca} {certificates}/{host}/ca.crt && exec {service}");
    let args = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c", &script];
    let home = place.path().join("engine-home").display().to_string();
    let env = [
        ("HOME", home.as_str()),
        ("CONTAINERS_CONF", &path("containers.conf")),
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ];
    Daemon::start("unshare", &args, &env, Ready::Socket(&socket)).await.expect("an engine")
}

/// An image with busybox under a few names, and something that is called pip.
async fn push(authority: &Authority, host: &str) -> String {
    let busybox = fsx::read(Path::new("/bin/busybox")).expect("busybox");
    let paths: Vec<String> = WORDS.iter().map(|word| format!("bin/{word}")).collect();
    let mut entries: Vec<Entry<'_>> = paths.iter().map(|path| Entry { path, mode: 0o755, content: &busybox }).collect();
    entries.push(Entry { path: "bin/busybox", mode: 0o755, content: &busybox });
    entries.push(Entry { path: "bin/pip", mode: 0o755, content: PIP.as_bytes() });
    let image = Image::run_by("", "team/box:1", &entries, &["/bin/nothing"]).expect("an image");
    let mut config = HttpConfig::new();
    (config.roots, config.only_roots) = (vec![authority.pem().as_bytes().to_vec()], true);
    let auth = Auth::Basic { username: "tester".into(), password: Secret::from(PASSWORD) };
    let client = Client::new(Http::new(config).expect("a client"), host, auth).expect("a registry");
    let target: Reference = format!("{host}/{}", image.name).parse().expect("a reference");
    for (_, bytes) in &image.blobs {
        client.push_blob(&target, bytes.clone()).await.expect("a blob");
    }
    client.push_manifest(&target, MANIFEST, image.manifest.clone()).await.expect("a manifest");
    target.to_string()
}

impl Desk {
    async fn new(kind: Kind) -> Self {
        let (mut place, authority) = (Place::new(), Authority::new());
        let folder = place.path().join("registry");
        let registry =
            DockerRegistry::basic(&folder, &authority, "tester", &Secret::from(PASSWORD)).await.expect("a registry");
        let host = registry.end().to_string();
        place.write("ca.pem", authority.pem());
        place.write("password", PASSWORD);
        place.write("work/requirements.txt", "numpy\n");
        let ca = place.path().join("ca.pem").display().to_string();
        let engine = engine(kind, &place, &ca, &host).await;
        place.set("SSL_CERT_FILE", ca);
        place.set("DOCKER_HOST", format!("unix://{}", place.path().join("engine.sock").display()));
        let image = push(&authority, &host).await;
        Self { place, image, _engine: engine, _registry: registry }
    }

    async fn run(&self, line: &str) -> Output {
        let output = self.place.run(&["sh", "-c", &format!("cd work && {line}")]).await;
        let said = String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned();
        assert!(!said.contains("canary"), "{line}: {said}");
        output
    }

    async fn said(&self, code: i32, line: &str) -> String {
        let output = self.run(line).await;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.code, Some(code), "{line}: {said}");
        said
    }

    /// Everything that L-18 names, in one life of a container.
    async fn life(&self, kind: Kind) {
        let up = format!("mops env up --image {} --gpu none", self.image);
        let host = self.image.split('/').next().expect("a host");
        let said = self.said(1, &up).await;
        assert!(said.contains("NOT_LOGGED_IN") && said.contains(&format!("mops auth login {host}")), "{said}");
        self.said(0, &format!("mops auth login {host} -u tester --key-stdin <../password")).await;
        let said =
            self.said(0, &format!("{up} --requirements requirements.txt --env GREETING=hello --shm-size 64m")).await;
        assert!(
            said.contains("with the login from")
                && said.contains("pip install --no-cache-dir -r /workspace/requirements.txt"),
            "{said}"
        );
        self.exec().await;
        self.terminal().await;
        self.states(&up).await;
        self.failures(&up, kind).await;
    }

    /// Words, input, both outputs and the exit code go through.
    async fn exec(&self) {
        let output = self
            .run("printf 'in' | mops env exec -- sh -c 'printf %s, \"$@\" >&2; cat; exit 7' sh 'a b' '|' '' '$HOME'")
            .await;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!((output.code, &*out, &*err), (Some(7), "in", "a b,|,,$HOME,"));
        let said = self
            .said(0, "mops env exec -c 'echo $GREETING $MORE $HOME $(busybox pwd) | cat' -e MORE=x </dev/null")
            .await;
        assert_eq!(said, "hello x /home/mops /workspace\n");
        let said = self.said(0, "mops env exec -c 'echo kept >mine; busybox id -u; echo h >~/here' </dev/null").await;
        assert_eq!(said, format!("{}\n", rustix::process::getuid().as_raw()));
        assert_eq!(self.place.run(&["cat", "work/mine", "work/.mops/home/here"]).await.stdout, b"kept\nh\n");
        let none = self.run("mops env exec -- nothing-of-that-name </dev/null").await.code;
        assert!(matches!(none, Some(126 | 127)), "{none:?}");
        let big = self.run("mops env exec -- busybox seq 1 200000 </dev/null").await;
        assert_eq!((big.code, big.stdout.iter().filter(|byte| **byte == b'\n').count()), (Some(0), 200_000));
    }

    /// A shell has a terminal of the size of ours when both ends are one, and the terminal is as before afterwards.
    async fn terminal(&self) {
        if !Path::new("/usr/bin/script").exists() {
            return skipped("script", "a shell of `mops env exec` in a terminal");
        }
        let typed = "touch seen; { until grep -q '[#$] ' seen; do sleep 0.05; done; printf 'busybox tty; busybox stty size; exit 9\\n'; \
                     until grep -q 'code' seen; do sleep 0.05; done; } | \
                     script -qefc 'stty rows 33 cols 101; stty -g >before; mops env exec; echo code $?; stty -g >after' seen";
        let said = self.said(0, typed).await;
        assert!(["/dev/", "33 101", "code 9"].iter().all(|words| said.contains(words)), "{said}");
        self.said(0, "cmp before after").await;
    }

    async fn states(&self, up: &str) {
        let same = format!("{up} --requirements requirements.txt --env GREETING=hello --shm-size 64m");
        // Nobody types, and nobody says so: a command that ends is the end.
        let silent = self.place.run_on(Input::Silent, &["sh", "-c", "cd work && mops env exec -- sleep 0"]).await;
        assert_eq!(silent.code, Some(0));
        let said = self.said(0, &same).await;
        assert!(said.contains("runs already") && !said.contains("pip install"), "{said}");
        let said = self.said(1, &format!("{up} --env GREETING=bye --shm-size 64m")).await;
        assert!(said.contains("settings changed") && said.contains("variable GREETING differs"), "{said}");
        assert!(self.said(0, "mops env ls").await.contains("running"));
        self.said(0, "mops env down").await;
        assert!(self.said(1, "mops env exec -- sh </dev/null").await.contains("`mops env up`"));
        self.said(0, "mops env logs").await;
        assert!(!self.said(0, &same).await.contains("pip install"), "the same container again");
        let said = self.said(0, &format!("{same} --recreate")).await;
        assert!(said.contains("pip install"), "a new container: {said}");
        self.said(0, "mops env down --rm").await;
        assert!(self.said(0, "mops env down --rm").await.contains("does not exist"));
    }

    /// Nothing is left of what could not be brought up.
    async fn failures(&self, up: &str, kind: Kind) {
        let all = up.replace("--gpu none", "--gpu all");
        assert!(self.said(1, &all).await.contains("ENGINE_NO_GPU"));
        self.place.write("work/requirements.txt", "broken\n");
        assert!(self.said(1, &format!("{up} --requirements requirements.txt")).await.contains("RUN_REQUIREMENTS"));
        assert!(
            self.said(1, &format!("{up} --mount-at /bin")).await.contains("RUN_EXITED"),
            "no shell under the mount"
        );
        let missing = up.replace("/box:1", "/box:2");
        assert!(self.said(1, &missing).await.contains("TAG_NOT_FOUND"));
        assert!(self.said(0, "mops env ls").await.contains("no container of ours"));
        self.said(0, &format!("{{ {up} >one 2>&1 & }}; {up}; code=$?; wait $! || {{ cat one; false; }} && exit $code"))
            .await;
        self.said(0, "mops env down --rm").await;
        if kind == Kind::Podman {
            self.ports(up).await;
        }
        self.said(0, "mops env down --rm").await;
    }

    /// Docker's daemon has no bridge here, and no ports without one.
    async fn ports(&self, up: &str) {
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            free.local_addr().expect("an address").port()
        };
        self.said(0, &format!("{up} --port {port}:8000")).await;
        let listed = self.said(0, "mops env ls").await;
        assert!(listed.contains(&format!("127.0.0.1:{port}->8000")), "{listed}");
        self.said(
            0,
            "mops env exec -c '(echo served | busybox nc -l -p 8000 >/dev/null 2>&1) & busybox sleep 1' </dev/null",
        )
        .await;
    }
}

#[tokio::test]
async fn l_18_with_dockers_daemon() {
    if !missing(Kind::Docker, "l_18_with_dockers_daemon") {
        Desk::new(Kind::Docker).await.life(Kind::Docker).await;
    }
}

#[tokio::test]
async fn l_18_with_podmans_service() {
    if !missing(Kind::Podman, "l_18_with_podmans_service") {
        Desk::new(Kind::Podman).await.life(Kind::Podman).await;
    }
}

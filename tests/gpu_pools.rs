//! Promise: a pool's GPUs become usable in the way that the file says, and what AKS does by itself is no difference:
//! the taint and label of spot nodes, a count that the autoscaler moved, settings that nobody declared.

use mops_tests::job::{FILE, Job};
use serde_json::{Value, json};

const STACK: &str = "cluster:
  provider: azure
  subscription_id: 00000000-1111-2222-3333-444444444444
  resource_group: modelops-dev-rg
  location: eastus2
  aks:
    name: modelops-dev-aks
    node_pools:
      - {name: system, mode: System, vm_size: Standard_B2s, count: 1}
      - name: managed
        vm_size: Standard_NC24ads_A100_v4
        count: 1
        gpu: {plugin: managed, instance_profile: MIG3g}
        upgrade: {max_surge: 33%, drain_timeout_minutes: 45}
      - {name: spot, vm_size: Standard_NC6s_v3, min: 0, max: 3, spot: true, spot_eviction: deallocate}
      - {name: operator, vm_size: Standard_NC6s_v3, min: 0, max: 1, gpu: {driver: none}}
";
const NOTHING: [&str; 5] = ["mops", "infra", "preview", FILE, "--exit-code"];

fn node<'a>(objects: &'a [Value], pool: &str) -> Option<&'a Value> {
    objects.iter().find(|o| o["kind"] == "Node" && o["metadata"]["labels"]["agentpool"] == pool)
}

#[tokio::test]
async fn gpu_pools_of_every_kind_come_up_and_stay_as_they_are() {
    let job = Job::at_speed(STACK, Some(1000)).await;
    let told = job.good(&["mops", "infra", "up", FILE, "--yes"]).await;
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("pool `operator` leaves its GPUs to NVIDIA's operator"), "{told}");
    let objects: Vec<Value> = serde_json::from_value(job.ask("/objects")).expect("objects");
    let shown = node(&objects, "managed").expect("a node of the pool");
    assert_eq!(shown["status"]["allocatable"]["nvidia.com/gpu"], "1", "AKS shows the GPU without a plugin of ours");
    assert!(!objects.iter().any(|o| o["metadata"]["name"] == "nvidia-device-plugin-managed"));
    assert!(objects.iter().any(|o| o["metadata"]["name"] == "nvidia-device-plugin-spot"));

    job.good(&NOTHING).await;
    let moved = json!({"end": "/agentpools/spot", "pointer": "/properties/count", "value": 2, "by": "autoscaler"});
    job.tell("POST", "/behind/edit", &moved);
    job.good(&[&NOTHING[..], &["--refresh"]].concat()).await;

    let status = job.good(&["mops", "infra", "status"]).await;
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("ok, image 2026"), "{status}");

    job.place.write(FILE, &STACK.replace("max_surge: 33%", "max_surge: 50%"));
    let plan = job.good(&["mops", "infra", "preview", FILE]).await;
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(plan.contains("update") && plan.contains("pool-managed") && !plan.contains("replace"), "{plan}");
    job.good(&["mops", "infra", "up", FILE, "--yes"]).await;
    job.good(&[&NOTHING[..], &["--refresh"]].concat()).await;
}

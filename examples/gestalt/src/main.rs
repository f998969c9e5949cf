//! Two resource groups, typed by our package schema: names of fields and their types are checked by the compiler.
//!
//! What the library cannot do is in the README, and is why nothing here is made from anything else: it tells Pulumi of no
//! dependency, so that Pulumi would delete in the wrong order.

use pulumi_gestalt_rust::Context;

mod modelops {
    pulumi_gestalt_rust::include_provider!("modelops");
}

use modelops::azure::resource_group::{self, ResourceGroupArgs};

const SUBSCRIPTION: &str = "00000000-1111-2222-3333-444444444444";

fn main() -> anyhow::Result<()> {
    pulumi_gestalt_rust::run(|context| {
        for name in ["models", "data"] {
            group(context, name);
        }
        Ok(())
    })
}

fn group(context: &Context, name: &str) {
    let args = ResourceGroupArgs::builder()
        .subscription_id(SUBSCRIPTION)
        .name(format!("modelops-gestalt-{name}"))
        .location("eastus2")
        .build_struct();
    let made = resource_group::create(context, name, args);
    context.add_export(name, &made.id);
}

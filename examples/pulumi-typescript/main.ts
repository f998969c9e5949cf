// A group, a registry and a container for models: `node main.js up`, `node main.js destroy`.

import * as modelops from "@pulumi/modelops";
import { LocalWorkspace } from "@pulumi/pulumi/automation";

const { ResourceGroup, ContainerRegistry, StorageAccount, BlobContainer } = modelops.azure;
const subscriptionId = process.env.SUBSCRIPTION ?? "00000000-1111-2222-3333-444444444444";
const location = "eastus2";

async function program() {
    const group = new ResourceGroup("group", { subscriptionId, name: "modelops-example-rg", location });
    const registry = new ContainerRegistry("registry", {
        subscriptionId,
        resourceGroup: group.name,
        name: "modelopsexample",
        location,
        sku: "Basic",
        adminUserEnabled: false,
    });
    const storage = new StorageAccount("storage", {
        subscriptionId,
        resourceGroup: group.name,
        name: "modelopsexample",
        location,
        sku: "Standard_LRS",
    });
    new BlobContainer("models", { accountId: storage.id, name: "models" });
    return { loginServer: registry.loginServer, blobEndpoint: storage.blobEndpoint };
}

async function main() {
    const stack = await LocalWorkspace.createOrSelectStack({
        stackName: "dev",
        projectName: "modelops-typescript",
        program,
    });
    if (process.argv[2] === "destroy") {
        await stack.destroy({ onOutput: console.log });
        return;
    }
    const { summary } = await stack.up({ onOutput: console.log });
    const changes = Object.entries(summary.resourceChanges ?? {}).sort();
    console.log("changes:", changes.map(([what, count]) => `${count} ${what}`).join(", "));
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});

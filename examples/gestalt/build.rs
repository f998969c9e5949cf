//! The types of our resources, from the package schema of the project.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../../schema/pulumi.schema.json");
    let schema = std::path::Path::new("../../schema/pulumi.schema.json");
    Ok(pulumi_gestalt_build::generate_from_schema(schema)?)
}

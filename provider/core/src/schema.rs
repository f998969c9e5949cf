//! What the engine and the display may know about a resource type without knowing the type.

/// The declaration of one resource type; made once, at start, from the typed resource.
#[derive(Clone, Debug)]
pub struct ResourceSchema {
    /// For example `modelops:azure:NodePool`.
    pub token: &'static str,
    /// First paragraph of the type's documentation.
    pub description: String,
    /// JSON Schema of the inputs; secrets carry `"secret": true`.
    pub inputs: serde_json::Value,
    /// JSON Schema of the outputs.
    pub outputs: serde_json::Value,
    /// Input properties whose change replaces the resource.
    pub replace: &'static [&'static str],
    /// Outputs that an update in place may change; the others keep their value in previews.
    pub changed_by_update: &'static [&'static str],
    /// Whether the old one must go before the new one can be made (same name at the service).
    pub delete_before_replace: bool,
    /// Whether an existing one without a mark may be taken over (it is then kept on the way down).
    pub adoptable: bool,
    /// Whether only a read tells that it has to be made again (a signature whose key may be regenerated), so that it
    /// is read although nothing else can find it.
    pub read_tells: bool,
    /// How long the service may answer "not there" for something that it has just made.
    pub settles: std::time::Duration,
}

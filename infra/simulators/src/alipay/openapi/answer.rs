//! Writes answers: the node, its signature over the node's raw bytes, and the frame.

use super::super::merchants::{Merchants, OpenApp};
use crate::kit::charset::Charset;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;

use super::{Code, Refusal};

/// A value of the node.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Text(String),
    /// JSON that is already written, for lists.
    Raw(String),
}

/// The node's fields, in the order in which they are written.
pub(super) type Node = Vec<(&'static str, Cell)>;

/// How an answer is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signing {
    Alipay,
    /// The fault `badSignature`.
    Other,
    /// The fault `unsigned`.
    Nobody,
}

pub(super) fn text(value: impl Into<String>) -> Cell {
    Cell::Text(value.into())
}

/// A node with code 10000, to be completed.
pub(super) fn success() -> Node {
    vec![("code", text("10000")), ("msg", text("Success"))]
}

/// The node of a refusal.
pub(super) fn failure(refusal: &Refusal) -> Node {
    vec![
        ("code", text(refusal.code.number())),
        ("msg", text(refusal.code.msg())),
        ("sub_code", text(refusal.sub_code)),
        ("sub_msg", text(refusal.sub_msg.as_str())),
    ]
}

/// The node of the fault `20000`.
pub(super) fn busy() -> Node {
    failure(&Refusal { code: Code::Busy, sub_code: "isp.unknow-error", sub_msg: "系统繁忙".to_owned() })
}

/// `<method>_response`, or `error_response` if there is no method.
pub(super) fn node_name(method: Option<&str>) -> String {
    method.map_or_else(|| "error_response".to_owned(), |method| format!("{}_response", method.replace('.', "_")))
}

/// The whole answer. Without `app` (an unknown caller) it is unsigned, and can only be an error.
pub(super) fn write(
    merchants: &Merchants,
    name: &str,
    node: &Node,
    app: Option<&OpenApp>,
    signing: Signing,
    charset: Charset,
) -> Result<Reply, SimulatorError> {
    let node = node_text(node);
    let mut whole = format!("{{{}:{node}", json_text(name));
    if let (Some(app), Signing::Alipay | Signing::Other) = (app, signing) {
        if let Some(certificates) = &app.certificates {
            whole.push_str(&format!(",\"alipay_cert_sn\":{}", json_text(&certificates.alipay)));
        }
        let key = if signing == Signing::Other { &merchants.other } else { &app.alipay_key };
        // Base64 is not escaped: Alipay escapes slashes inside the node, not in the signature.
        whole.push_str(&format!(",\"sign\":\"{}\"", key.sign(charset.bytes(&node))?));
    }
    whole.push('}');
    Ok(Reply::new(200, charset.text_type(), charset.bytes(&whole)))
}

fn node_text(node: &Node) -> String {
    let cells: Vec<String> = node
        .iter()
        .map(|(name, cell)| match cell {
            Cell::Text(value) => format!("{}:{}", json_text(name), json_text(value)),
            Cell::Raw(value) => format!("{}:{value}", json_text(name)),
        })
        .collect();
    format!("{{{}}}", cells.join(","))
}

/// JSON text with `\/`, as Alipay writes it: a reader that re-serialises the node before it verifies fails here.
pub(super) fn json_text(value: &str) -> String {
    serde_json::Value::from(value).to_string().replace('/', "\\/")
}

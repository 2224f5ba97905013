//! `local`: becomes the local stack, so that Ctrl-C and all signals are its own.

use std::{os::unix::process::CommandExt, process::Command};

use serde_json::json;

use crate::{
    arguments::Local,
    failure::Failure,
    output::{Form, Output},
    system::find_program,
    words::{Words, words},
};

/// Its name in a release.
const PROGRAM: &str = "maxpay-local";

/// Starts it in place of this program. Returns only if that fails.
pub(crate) fn local(output: Output, of: &Local) -> Result<(), Failure> {
    let program = of.binary.clone().or_else(|| find_program(PROGRAM)).ok_or_else(|| {
        let message = words!(
            "找不到 {PROGRAM}：本程序旁边和 PATH 里都没有",
            "{PROGRAM} is neither beside this program nor in PATH"
        );
        Failure::of_field("binary", message).with_remedy(words!(
            "解压发行包里的 {PROGRAM}，或用 --binary 指定；在源码目录里可以直接 cargo run",
            "unpack {PROGRAM} of a release, or name it by --binary; in the sources run cargo run"
        ))
    })?;
    let shown = program.display();
    if !program.is_file() {
        return Err(Failure::of_field("binary", words!("{shown} 不是文件", "{shown} is no file")));
    }
    match output.form {
        Form::Json => output.result(&json!({ "program": shown.to_string() }), &Words::default()),
        Form::People => output.note(&words!("启动 {shown}", "starting {shown}")),
    }
    let error = Command::new(&program).args(&of.arguments).exec();
    Err(Failure::of_field("binary", words!("无法启动 {shown}：{error}", "{shown} cannot be started: {error}")))
}

//! Finds files of the console that calculate with money, and forms that forget the mode of their page.

/// The code of a source file without tests, comments and strings.
fn bare_code(path: &str) -> String {
    let source = super::read(&super::root().join(path));
    let code = source.split("#[cfg(test)]").next().unwrap();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: String = code.lines().filter(is_code).collect::<Vec<_>>().join("\n").replace("\\\"", "'");
    code.split('"').step_by(2).collect::<Vec<_>>().join("''")
}

/// Only `domain` computes refunded amounts, rests and sums. Otherwise the console could offer what the API refuses. So a file of
/// the console may use money types or calculate, but not both; and it must not take an amount out of its type, which has no
/// addition or subtraction.
#[test]
fn no_file_of_the_console_calculates_with_money() {
    const MONEY: [&str; 8] = ["Fen", ".fee", ".refunded", ".amount", "Sum", "refundable", "money::", "to_yuan"];
    const CALCULATES: [&str; 15] = [
        " + ",
        " - ",
        " * ",
        " / ",
        " % ",
        " += ",
        " -= ",
        " *= ",
        " /= ",
        "saturating_",
        "checked_",
        "wrapping_",
        ".sum()",
        ".sum::<",
        ".fold(",
    ];
    let mut wrong = Vec::new();
    for path in super::sources(&["functions/admin/src/console"]) {
        let code = bare_code(&path);
        let found = |words: &[&'static str]| words.iter().copied().find(|word| code.contains(word));
        if let (Some(money), Some(calculates)) = (found(&MONEY), found(&CALCULATES)) {
            wrong.push(format!("{path}: `{money}` beside `{calculates}`"));
        }
        if code.contains(".get()") {
            wrong.push(format!("{path}: `.get()` takes an amount out of its type"));
        }
    }
    super::check_none(&wrong, "all arithmetic on money is in domain");
}

/// The mode is also kept in a cookie, which another tab may have changed since the page was made.
#[test]
fn every_form_of_an_app_names_the_mode_of_its_page() {
    let folder = super::root().join("functions/admin/templates");
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = super::read(&path);
        let forms = text.split("<form method=\"post\" action=\"").skip(1);
        let of_app = forms.map(|form| form.split('>').next().unwrap()).filter(|form| form.starts_with("{{ f.at("));
        let silent = of_app.filter(|form| !form.contains("?mode={{ f.mode }}"));
        wrong.extend(silent.map(|form| format!("{}: {form}", path.display())));
    }
    super::check_none(&wrong, "add ?mode={{ f.mode }}");
}

//! Finds files of one crate that need each other in a circle: none of them can be read, moved or tested without the others.
//!
//! A file needs another file if it names an item that is defined there. If a module only re-exports a name (`pub use`), the name is
//! followed to its definition. Unit tests do not count, and method calls on values are not seen. The files of one folder, together
//! with the file that has the folder's name, may need each other: they are one room. Any other circle fails.
//! `cargo test -p tests --test circles -- --nocapture` shows all circles.

#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Attribute, ItemFn, ItemMod, ItemUse, UseTree, Visibility,
    visit::{self, Visit},
};

const FOLDERS: [&str; 4] = ["functions", "infra", "sdk/cli", "tests"];

/// How many re-exports of a name are followed.
const STEPS_MAX: usize = 16;

/// `a::b::c`, as written.
type Names = Vec<String>;

/// A name that a `use` brings into a module, with its origin.
struct Brought {
    name: String,
    from: Names,
}

/// The relevant content of a source file.
#[derive(Default)]
struct Source {
    children: BTreeSet<String>,
    named: Vec<Names>,
    brought: Vec<Brought>,
}

/// The files of a crate, by module.
type Crate = BTreeMap<Names, (PathBuf, Source)>;

/// The modules that each module needs.
type Needs<'a> = BTreeMap<&'a Names, BTreeSet<Names>>;

#[test]
#[expect(clippy::print_stdout, reason = "with --nocapture it is asked for")]
fn no_circle_of_files_leaves_its_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut files, mut wrong) = (0, Vec::new());
    for crate_root in crate_roots(root) {
        let modules = read_crate(&crate_root);
        files += modules.len();
        let needs = needs(&modules);
        for circle in circles(&modules, &needs) {
            let shown: Vec<_> = circle.iter().map(|file| file.strip_prefix(root).unwrap().to_string_lossy()).collect();
            let (kind, shown) = (if is_one_room(&circle) { "in one folder" } else { "BEYOND" }, shown.join(", "));
            println!("{kind}: {} files: {shown}", circle.len());
            for (file, needed) in &needs {
                let needed = needed.iter().map(|module| &modules[module].0).filter(|file| circle.contains(file));
                let needed: Vec<_> = needed.map(|file| file.file_name().unwrap().to_string_lossy()).collect();
                if circle.contains(&modules[*file].0) {
                    println!("    {} needs {}", file.join("::"), needed.join(", "));
                }
            }
            wrong.extend((kind == "BEYOND").then_some(shown));
        }
    }
    assert!(files > 400, "only {files} files were found");
    assert!(wrong.is_empty(), "circles of files beyond one folder:\n  {}", wrong.join("\n  "));
}

#[track_caller]
fn check_circles(files: &[(&str, &str, &str)], expect: &[&[&str]]) {
    let read = |(module, path, text): &(&str, &str, &str)| (names(module), (PathBuf::from(path), read_source(text)));
    let modules: Crate = files.iter().map(read).collect();
    let expect: Vec<Vec<PathBuf>> = expect.iter().map(|circle| circle.iter().map(PathBuf::from).collect()).collect();
    assert_eq!(circles(&modules, &needs(&modules)), expect);
}

#[test]
#[rustfmt::skip]
fn a_circle_is_found_through_what_is_handed_on() {
    check_circles(&[
        ("",     "src/lib.rs", "mod a; mod b; pub use a::{A, c::{C as D}};"),
        ("a",    "src/a.rs",   "mod c; use crate::b::B; // crate::Nothing\nfn a() -> &str { \"crate::D\" }"),
        ("a::c", "src/a/c.rs", "struct C; #[cfg(test)] mod tests { use crate::b::B; }"),
        ("b",    "src/b.rs",   "fn b() { say!(\"{}\", crate::D); crate::A::new() }"),
    ], &[&["src/a.rs", "src/b.rs"]]);
    check_circles(&[
        ("",  "src/lib.rs", "mod a; fn run() { a::a() }"),
        ("a", "src/a.rs",   "fn a() { say!(1, [crate::run()]) }"),
    ], &[&["src/a.rs", "src/lib.rs"]]);
}

#[test]
#[rustfmt::skip]
fn who_may_name_it_and_what_another_crate_made_is_no_need() {
    check_circles(&[
        ("",     "src/lib.rs", "mod a; pub use settlement::Deps; fn run() { a::b::b() }"),
        ("a",    "src/a.rs",   "pub(crate) mod b;"),
        ("a::b", "src/a/b.rs", "use crate::Deps; pub(in super::super) fn b(deps: &crate::Deps) {}"),
    ], &[]);
}

#[test]
fn a_room_is_a_folder_with_the_file_that_it_is_named_after() {
    for (files, expect) in [
        (["src/a.rs", "src/b.rs", "src/c.rs"], true),
        (["x/a.rs", "x/a/b.rs", "x/a/c.rs"], true),
        (["x/a.rs", "x/a/b.rs", "x/c.rs"], false),
        (["x/a/mod.rs", "x/a/b.rs", "x/a/c.rs"], true),
        (["x/a/mod.rs", "x/a/b.rs", "x/c.rs"], false),
    ] {
        assert_eq!(is_one_room(&files.map(PathBuf::from)), expect, "{files:?}");
    }
}

fn names(text: &str) -> Names {
    text.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The first file of each crate and of each program.
fn crate_roots(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = FOLDERS.iter().map(|folder| root.join(folder)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() && !["target", "node_modules"].iter().any(|name| path.ends_with(name)) {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.ends_with("lib.rs") || path.ends_with("main.rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Reads a crate, from each module to its children.
fn read_crate(first: &Path) -> Crate {
    let mut read = Crate::new();
    let mut left = vec![(Names::new(), first.to_owned(), first.parent().unwrap().to_owned())];
    while let Some((module, file, folder)) = left.pop() {
        let source = read_source(&fs::read_to_string(&file).unwrap());
        for child in &source.children {
            let of_child = folder.join(child);
            let beside = folder.join(format!("{child}.rs"));
            let file = if beside.exists() { beside } else { of_child.join("mod.rs") };
            if file.exists() {
                left.push((child_of(&module, child), file, of_child));
            }
        }
        read.insert(module, (file, source));
    }
    read
}

fn read_source(text: &str) -> Source {
    let mut source = Source::default();
    source.visit_file(&syn::parse_file(text).unwrap());
    source
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if is_for_tests(&module.attrs) {
            return;
        }
        if module.content.is_none() {
            self.children.insert(module.ident.to_string());
        }
        visit::visit_item_mod(self, module);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if is_for_tests(&item.attrs) {
            return;
        }
        let mut used = Vec::new();
        add_used(&item.tree, &mut Vec::new(), &mut used);
        if matches!(item.vis, Visibility::Inherited) {
            self.named.extend(used.iter().map(|brought| brought.from.clone()));
        }
        self.brought.extend(used);
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        // A single word names something of the file itself, or something that a `use` brings.
        if path.segments.len() > 1 {
            self.named.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    /// `pub(in super::super)` only restricts visibility; it needs nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.named.extend(paths_in(call.tokens.clone()).into_iter().filter(|path| path.len() > 1));
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    let says_test = |list: &syn::MetaList| list.path.is_ident("cfg") && list.tokens.to_string() == "test";
    attributes.iter().any(|attribute| attribute.meta.require_list().is_ok_and(says_test))
}

/// Adds each name that a `use` brings, with its whole path.
fn add_used(tree: &UseTree, path: &mut Names, used: &mut Vec<Brought>) {
    let with = |path: &Names, last: &Ident| match last.to_string() {
        module if module == "self" && !path.is_empty() => path.clone(),
        name => path.iter().cloned().chain([name]).collect(),
    };
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            add_used(&step.tree, path, used);
            path.pop();
        }
        UseTree::Name(name) => {
            let from: Names = with(path, &name.ident);
            used.push(Brought { name: from.last().cloned().unwrap_or_default(), from });
        }
        UseTree::Rename(renamed) => {
            used.push(Brought { name: renamed.rename.to_string(), from: with(path, &renamed.ident) });
        }
        UseTree::Glob(_) => used.push(Brought { name: "*".to_owned(), from: path.clone() }),
        UseTree::Group(group) => group.items.iter().for_each(|tree| add_used(tree, path, used)),
    }
}

/// The paths in a macro's arguments.
fn paths_in(tokens: TokenStream) -> Vec<Names> {
    let mut found = vec![Names::new()];
    let mut is_joined = false;
    for token in tokens {
        match token {
            TokenTree::Ident(word) => {
                if !is_joined {
                    found.push(Names::new());
                }
                found.last_mut().unwrap().push(word.to_string());
                is_joined = false;
            }
            TokenTree::Punct(sign) => is_joined = sign.as_char() == ':',
            TokenTree::Group(group) => {
                found.extend(paths_in(group.stream()));
                found.push(Names::new());
            }
            TokenTree::Literal(_) => is_joined = false,
        }
    }
    found
}

/// The module that defines the item which `module` names by `named`. `None` if another crate defines it.
fn place(modules: &Crate, module: &Names, named: &[String], steps: usize) -> Option<Names> {
    let (first, mut rest) = named.split_first()?;
    let mut here = match first.as_str() {
        "crate" => Names::new(),
        "self" => module.clone(),
        "super" => module.split_last()?.1.to_vec(),
        child if modules.get(module)?.1.children.contains(child) => child_of(module, first),
        _ => return followed(modules, module, named, steps),
    };
    while let Some((name, after)) = rest.split_first() {
        let child = child_of(&here, name);
        if name == "super" {
            here.pop()?;
        } else if modules.contains_key(&child) {
            here = child;
        } else if modules.get(&here)?.1.brought.iter().any(|brought| brought.name == *name) {
            return followed(modules, &here, rest, steps);
        } else {
            return Some(here);
        }
        rest = after;
    }
    Some(here)
}

/// The same for a path that begins with a name from a `use` of this module.
fn followed(modules: &Crate, module: &Names, named: &[String], steps: usize) -> Option<Names> {
    let (first, rest) = named.split_first()?;
    let brought = modules.get(module)?.1.brought.iter().find(|brought| brought.name == *first)?;
    let whole = [&brought.from, rest].concat();
    place(modules, module, &whole, steps.checked_sub(1)?)
}

fn child_of(module: &Names, name: &str) -> Names {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// Which module needs which.
fn needs(modules: &Crate) -> Needs<'_> {
    let needed = |module: &Names, source: &Source| {
        let places = source.named.iter().filter_map(|named| place(modules, module, named, STEPS_MAX));
        places.filter(|place| place != module).collect()
    };
    modules.iter().map(|(module, (_, source))| (module, needed(module, source))).collect()
}

/// The files that need each other, each circle once.
fn circles(modules: &Crate, needs: &Needs<'_>) -> Vec<Vec<PathBuf>> {
    let reached: BTreeMap<&Names, BTreeSet<&Names>> = needs.keys().map(|from| (*from, reach(needs, from))).collect();
    let mut circles = BTreeSet::new();
    for (module, others) in &reached {
        let circle: BTreeSet<PathBuf> = others
            .iter()
            .filter(|other| reached[*other].contains(*module))
            .map(|other| modules[*other].0.clone())
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().map(|circle| circle.into_iter().collect()).collect()
}

fn reach<'a>(needs: &'a Needs<'_>, from: &Names) -> BTreeSet<&'a Names> {
    let mut found = BTreeSet::new();
    let mut left: Vec<&Names> = needs[from].iter().collect();
    while let Some(next) = left.pop() {
        if found.insert(next) {
            left.extend(&needs[next]);
        }
    }
    found
}

/// Whether all files belong to one folder: they are in it, or have its name.
fn is_one_room(circle: &[PathBuf]) -> bool {
    let rooms = |file: &PathBuf| BTreeSet::from([file.parent().unwrap().to_owned(), file.with_extension("")]);
    let shared = circle.iter().map(rooms).reduce(|shared, rooms| shared.intersection(&rooms).cloned().collect());
    shared.is_some_and(|shared| !shared.is_empty())
}

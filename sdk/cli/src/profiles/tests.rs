//! Tests of the file's rights and content, and of the environment's precedence.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    thread,
};

use super::*;
use crate::words::Language;

/// A folder of its own, which is deleted at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("maxpay-profiles-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("maxpay").join("config.toml")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn profile(values: &[(Setting, &str)]) -> Profile {
    let mut profile = Profile::default();
    values.iter().for_each(|(setting, value)| profile.set(*setting, value));
    profile
}

fn insert(file: &Path, name: &str, profile: &Profile) {
    let insert = |profiles: &mut Profiles| {
        profiles.all.insert(name.to_owned(), profile.clone());
        Ok(())
    };
    Profiles::change(Some(file.to_owned()), insert).unwrap();
}

fn mode_of(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_saved_is_read_again_and_belongs_to_its_owner_alone() {
    let folder = Folder::new("saved");
    assert!(Profiles::load(Some(folder.file())).unwrap().all.is_empty());
    let shop = profile(&[(URL, "http://127.0.0.1:8787"), (MASTER_KEY, " quote\"and # hash ")]);
    insert(&folder.file(), "a shop", &shop);
    insert(&folder.file(), "a shop", &shop);
    assert_eq!((mode_of(&folder.file()), mode_of(folder.file().parent().unwrap())), (0o600, 0o700));
    let again = Profiles::load(Some(folder.file())).unwrap();
    assert_eq!(again.all["a shop"], shop);
    assert_eq!(again.all["a shop"].value(MASTER_KEY), Some("quote\"and # hash"));
    assert_eq!(fs::read_dir(folder.file().parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let folder = Folder::new("open");
    insert(&folder.file(), "a", &Profile::default());
    for (mode, refused) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o620, true), (0o777, true)]
    {
        fs::set_permissions(folder.file(), Permissions::from_mode(mode)).unwrap();
        let loaded = Profiles::load(Some(folder.file()));
        assert_eq!(loaded.is_err(), refused, "{mode:o}");
        if let Err(failure) = loaded {
            assert!(failure.to_words().to(Language::En).contains("chmod 600"), "{failure:?}");
        }
    }
}

#[test]
#[rustfmt::skip]
fn a_file_with_a_mistake_is_refused_by_name_and_never_quoted() {
    for (text, field) in [
        ("profiles = ",                               "config.toml"),
        ("profiles = 3",                              "profiles"),
        ("[profiles]\na = 1",                         "profiles.a"),
        ("[profiles.a]\nmaster_key = 1",              "profiles.a.master_key"),
        ("[profiles.a]\nmasterkey = 'hush'",          "profiles.a.masterkey"),
        ("[profiles.a]\nmaster_key = 'hush' hush",    "config.toml"),
        ("default = 'hush'\n[profiles.a]",           "default"),
    ] {
        let failure = parse(text).unwrap_err().into_failure(Path::new("config.toml"));
        assert_eq!(failure.field.as_deref(), Some(field), "{text}");
        assert!(!format!("{failure:?}").contains("hush"), "{failure:?}");
    }
}

#[test]
fn the_environment_goes_first_and_another_address_takes_no_keys_along() {
    let kept = profile(&[(URL, "https://pay.example"), (MASTER_KEY, "kept"), (APP_ID, "app")]);
    let under = |set: &[(&str, &str)]| {
        kept.under(|name| set.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned()))
    };
    assert_eq!(under(&[]), kept);
    assert_eq!(under(&[("MAXPAY_URL", "https://pay.example/")]), kept);
    assert_eq!(under(&[("MAXPAY_MASTER_KEY", "new")]).value(MASTER_KEY), Some("new"));
    let other = under(&[("MAXPAY_URL", "http://elsewhere"), ("MAXPAY_APP_ID", "other")]);
    assert_eq!(other, profile(&[(URL, "http://elsewhere"), (APP_ID, "other")]));
}

#[test]
fn debug_shows_no_value() {
    assert!(!format!("{:?}", profile(&[(MASTER_KEY, "hush")])).contains("hush"));
}

#[test]
fn a_link_is_written_through_and_what_is_no_file_is_not_read() {
    let folder = Folder::new("linked");
    let (real, link) = (folder.0.join("real.toml"), folder.file());
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink("../real.toml", &link).unwrap();
    // At first it leads nowhere.
    for name in ["a", "b"] {
        insert(&link, name, &profile(&[(APP_ID, "app")]));
    }
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!((Profiles::load(Some(real.clone())).unwrap().all.len(), mode_of(&real)), (2, 0o600));
    fs::remove_file(&link).unwrap();
    symlink("/dev/zero", &link).unwrap();
    assert!(Profiles::load(Some(link)).is_err());
    fs::write(&real, vec![b'#'; 2 << 20]).unwrap();
    assert!(Profiles::load(Some(real)).is_err());
}

#[test]
fn changes_at_the_same_time_are_all_kept() {
    let folder = Folder::new("together");
    let file = folder.file();
    thread::scope(|scope| {
        for number in 0..8 {
            let (file, name) = (&file, format!("shop {number}"));
            scope.spawn(move || insert(file, &name, &profile(&[(APP_ID, "app")])));
        }
    });
    assert_eq!(Profiles::load(Some(file)).unwrap().all.len(), 8);
}

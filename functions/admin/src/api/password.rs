//! Passwords: argon2id, with the parameters that OWASP names first (19 MiB, two passes, one lane).

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use domain::Secret;
use runtime::Random;
use tracing::error;

use super::{problem::Problem, wrong::Wrong};

const CHARS_MIN: usize = 10;
/// A longer password would only take longer to hash.
const CHARS_MAX: usize = 128;

/// The hash of a password that nobody has. It is verified if no operator has that name, so that the time shows nothing.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$OGg2y4+yQ3oVb8MC1CYz9vy4mT1b7rYc3c0z1m1X5qI";

/// Hashes a new password.
///
/// # Errors
/// It is too short or too long, or the system failed.
pub(crate) fn hash(password: &str, random: &Random) -> Result<Secret<String>, Problem> {
    let chars = password.chars().count();
    if !(CHARS_MIN..=CHARS_MAX).contains(&chars) {
        return Err(Problem::field("password", Wrong::Password { chars_min: CHARS_MIN, chars_max: CHARS_MAX }));
    }
    let salt: [u8; 16] = random.bytes()?;
    let hashed: Result<PasswordHash, _> = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    match hashed {
        Ok(hash) => Ok(Secret::new(hash.to_string())),
        Err(problem) => {
            error!("a password could not be hashed: {problem}");
            Err(Problem::internal())
        }
    }
}

/// Whether `password` is the one of `known`. Without `known` the answer is no, and takes as long.
pub(crate) fn verify(password: &str, known: Option<&Secret<String>>) -> bool {
    let hash = known.map_or(NOBODY, |hash| hash.expose().as_str());
    let fits = password.chars().count() <= CHARS_MAX
        && PasswordHash::new(hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    fits && known.is_some()
}

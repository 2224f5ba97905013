//! Passwords: argon2id, with the parameters that OWASP names first (19 MiB, two passes, one lane).

use argon2::{Argon2, PasswordHasher, password_hash::phc::PasswordHash};
use domain::Secret;
use runtime::Random;
use tracing::error;

use crate::problem::Problem;

const CHARS_MIN: usize = 10;
/// Longer ones would only cost time to hash.
const CHARS_MAX: usize = 128;

/// Hashes a new password.
///
/// # Errors
/// It is too short or too long, or the system failed.
pub(crate) fn hash(password: &str, random: &Random) -> Result<Secret<String>, Problem> {
    let chars = password.chars().count();
    if !(CHARS_MIN..=CHARS_MAX).contains(&chars) {
        return Err(Problem::field("password", format!("must have {CHARS_MIN} to {CHARS_MAX} characters")));
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

//! Hashes of passwords: argon2id with the parameters that OWASP names first. Each takes 19 MiB and some 20 ms of a
//! processor, so they are made beside the threads that answer requests, two at a time, and only so many wait for that.

use std::sync::{Arc, OnceLock};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// Hashes that are made at once.
const AT_ONCE: usize = 2;
/// Hashes that are made or wait for their turn: more than a second of waiting.
const WAITING: usize = 100;
/// KiB of memory, passes over it, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// Makes and compares hashes.
#[derive(Clone)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(WAITING)),
        }
    }
}

impl Passwords {
    /// The hash of a password with a salt of its own, in PHC form.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.in_turn(move || hash(&password)).await?
    }

    /// Whether a hash is that of the password. Without a hash the work is the same and the answer no, so that the time
    /// does not tell whether there is an account.
    pub async fn matches(&self, password: String, hash: Option<String>) -> Result<bool> {
        self.in_turn(move || matches(&password, hash.as_deref()))
            .await?
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|full| {
            let message = "too many people sign in at this moment; try again in a moment";
            Error::unavailable(message, full)
        })?;
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(Error::internal)?;
        // The work goes on when nobody waits for it any more, and its turn with it.
        let work = move || {
            let _held = (place, turn);
            work()
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Error::internal)
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(odd)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String> {
    let hash = argon2()?.hash_password(password.as_bytes()).map_err(odd)?;
    Ok(hash.to_string())
}

fn matches(password: &str, known: Option<&str>) -> Result<bool> {
    static NOBODYS: OnceLock<String> = OnceLock::new();
    let text = match known {
        Some(known) => known,
        None => match NOBODYS.get() {
            Some(nobodys) => nobodys,
            None => {
                let made = hash("the password of nobody")?;
                NOBODYS.get_or_init(|| made)
            }
        },
    };
    let same = argon2()?.verify_password(password.as_bytes(), text).is_ok();
    Ok(same && known.is_some())
}

fn odd(failed: impl std::fmt::Display) -> Error {
    Error::internal(failed.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_hash_is_that_of_one_password_and_salted() {
        let (one, other) = (
            hash("ligand-pose-box").unwrap(),
            hash("ligand-pose-box").unwrap(),
        );
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, other);
        assert!(matches("ligand-pose-box", Some(&one)).unwrap());
        assert!(!matches("ligand-pose-bow", Some(&one)).unwrap());
        assert!(!matches("the password of nobody", None).unwrap());
    }

    /// Nanoseconds that this thread had of a processor so far, by the kernel's books.
    #[cfg(target_os = "linux")]
    fn worked_ns() -> u64 {
        let books = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        books.split(' ').next().unwrap().parse().unwrap()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_work_is_the_same_without_a_hash() {
        let known = hash("ligand-pose-box").unwrap();
        let work = |known: Option<&str>| {
            // The hash of nobody's password is made once.
            matches("ligand-pose-bow", known).unwrap();
            let before = worked_ns();
            assert!(!matches("ligand-pose-bow", known).unwrap());
            worked_ns() - before
        };
        let (there, nowhere) = (work(Some(&known)), work(None));
        assert!(
            nowhere > there / 5 && there > nowhere / 5,
            "{there} and {nowhere} ns"
        );
    }

    #[test]
    fn two_are_made_at_once_and_the_others_wait_for_their_turn() {
        let passwords = Passwords::default();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = || {
            let (now, most) = (now.clone(), most.clone());
            move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // As long as a hash takes: whatever may begin meanwhile has time to.
                std::thread::sleep(std::time::Duration::from_millis(20));
                now.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let all = (0..20).map(|_| passwords.in_turn(work()));
            let done = futures::future::join_all(all).await;
            assert!(done.iter().all(|done| done.is_ok()));
        });
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn each_password_that_is_hashed_or_compared_takes_a_place() {
        let passwords = Passwords::default();
        let places = passwords.places.clone();
        let all = places.try_acquire_many_owned(WAITING as u32).unwrap();
        let password = || "ligand-pose-box".to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            assert!(passwords.hash(password()).await.is_err());
            assert!(passwords.matches(password(), None).await.is_err());
            drop(all);
            let hash = passwords.hash(password()).await.unwrap();
            assert!(passwords.matches(password(), Some(hash)).await.unwrap());
        });
    }

    #[test]
    fn no_more_wait_than_there_are_places() {
        let passwords = Passwords::default();
        let work = || std::thread::sleep(std::time::Duration::from_millis(1));
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let all = (0..WAITING + 20).map(|_| passwords.in_turn(work));
            let done = futures::future::join_all(all).await;
            let refused = done.iter().filter(|done| done.is_err()).count();
            assert_eq!(refused, 20);
            assert!(passwords.in_turn(work).await.is_ok());
        });
    }
}

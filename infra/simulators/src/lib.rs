//! Strict stand-ins for Alipay, WeChat Pay and UnionPay, for development and tests.
//!
//! Each checks signatures and parameters as its provider does, from the protocol description alone. It uses none of our other
//! crates: nobody would notice a mistake that simulator and gateway shared.
//!
//! The owner of a simulator opens it with [`SimulatorOptions`], mounts its router, and calls `run_due` whenever the clock moves. A
//! simulator gets time and network only from its owner.
//!
//! | module | what |
//! |---|---|
//! | `alipay` | the open platform (`openapi`), the legacy gateway (`mapi`) |
//! | `wechat` | APIv3 (`v3`), the legacy API (`v2`), the phone |
//! | `unionpay` | ACP 5.1.0 |
//! | `kit` | the common code |
//!
//! The throwaway keys are in `infra/simulators/keys`.

mod alipay;
mod kit;
mod unionpay;
mod wechat;

pub use alipay::Simulator as Alipay;
pub use kit::crypto::CryptoError;
pub use kit::handed::Page;
pub use kit::owner::{BoxFuture, Clock, NotifySender, SimulatorError, SimulatorOptions};
pub use kit::wallet::Wallet;
pub use unionpay::Simulator as UnionPay;
pub use wechat::Simulator as Wechat;

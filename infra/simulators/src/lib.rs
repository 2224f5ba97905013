//! Strict stand-ins for Alipay, WeChat Pay and UnionPay, for development and tests.
//!
//! Each checks signatures and parameters as its provider does, from the protocol description alone. None of our other crates is used here:
//! a mistake that simulator and gateway shared would be seen by nobody.
//!
//! The owner of one opens it with [`SimulatorOptions`], mounts its router, and calls `run_due` whenever the clock moves. A simulator reads
//! no clock and reaches no network but through its owner.
//!
//! | module | what |
//! |---|---|
//! | `alipay` | the open platform (`openapi`), the legacy gateway (`mapi`) |
//! | `wechat` | APIv3 (`v3`), the legacy API (`v2`), the phone |
//! | `unionpay` | ACP 5.1.0 |
//! | `kit` | what they share |
//!
//! Their throwaway keys are in `infra/simulators/keys`.

mod alipay;
mod kit;
mod unionpay;
mod wechat;

pub use alipay::Simulator as Alipay;
pub use kit::crypto::CryptoError;
pub use kit::handed::Page;
pub use kit::owner::{BoxFuture, Clock, NotifySender, SimulatorError, SimulatorOptions};
pub use unionpay::Simulator as UnionPay;
pub use wechat::Simulator as Wechat;

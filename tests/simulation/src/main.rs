//! `cargo run --release -p simulation -- --seed N --bills N`

use std::{env, fs, path::PathBuf, process::ExitCode};

use simulation::{Crowd, Fault, Plan, find_in_crowd, run, shrink};

/// A sixth of a run's time goes into small allocations. This allocator needs half of the time of the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: simulation [--seed N] [--bills N] [--world N] [--without fault,fault] [--only fault,fault] \
                     [--threads N] [--report FILE] [--shrink] [--log] [--quiet] [--crowd BILLS]";

/// The number of provider accounts in a crowd.
const CROWD_ACCOUNTS: usize = 50;

struct Asked {
    plan: Plan,
    /// The number of unpaid bills in a crowd. If set, the plan is not run.
    crowd: Option<usize>,
    shrinks: bool,
    /// The file into which the report is written after each world.
    report: Option<PathBuf>,
    is_quiet: bool,
}

fn main() -> ExitCode {
    match read(env::args().skip(1)).and_then(|asked| simulate(&asked)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { plan: Plan::new(1, 200), crowd: None, shrinks: false, report: None, is_quiet: false };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is no number\n{USAGE}"));
        match word.as_str() {
            "--seed" => {
                asked.plan.seed = value()?.parse().map_err(|_| format!("the seed is a number\n{USAGE}"))?;
            }
            "--bills" => asked.plan.bills = number(value()?)?,
            "--world" => asked.plan.only_world = Some(number(value()?)?),
            "--threads" => {
                asked.plan.threads = value()?.parse().map_err(|_| format!("the threads are a number\n{USAGE}"))?;
            }
            "--report" => asked.report = Some(value()?.into()),
            "--without" => {
                for fault in faults(&value()?)? {
                    asked.plan.rates.without(fault);
                }
            }
            "--only" => {
                let kept = faults(&value()?)?;
                for (fault, ..) in Fault::ALL.iter().filter(|(fault, ..)| !kept.contains(fault)) {
                    asked.plan.rates.without(*fault);
                }
            }
            "--crowd" => {
                asked.crowd = Some(value()?.parse().map_err(|_| format!("the crowd is a number\n{USAGE}"))?);
            }
            "--shrink" => asked.shrinks = true,
            "--log" => asked.plan.talks = true,
            "--quiet" => asked.is_quiet = true,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(asked)
}

fn faults(names: &str) -> Result<Vec<Fault>, String> {
    let find = |name: &str| Fault::find(name).ok_or_else(|| format!("there is no fault {name}"));
    names.split(',').filter(|name| !name.is_empty()).map(find).collect()
}

#[expect(clippy::print_stdout, reason = "the report is what this is for")]
fn simulate(asked: &Asked) -> Result<ExitCode, String> {
    if let Some(bills) = asked.crowd {
        let crowd = Crowd { bills, accounts: CROWD_ACCOUNTS };
        let found_ms = find_in_crowd(asked.plan.seed, crowd)?;
        let seconds = found_ms.div_euclid(1000);
        println!(
            "{bills} unpaid bills of {CROWD_ACCOUNTS} accounts, due at once: a lost notify was found after {seconds} s"
        );
        return Ok(ExitCode::SUCCESS);
    }
    if asked.shrinks {
        let shortest = shrink(&asked.plan, |fault, still_fails| {
            eprintln!("without {}: {}", fault.name(), if still_fails { "fails" } else { "holds" });
        })?;
        let Some((plan, report)) = shortest else {
            println!("nothing went wrong");
            return Ok(ExitCode::SUCCESS);
        };
        let kinds: Vec<&str> = plan.rates.kinds().into_iter().map(Fault::name).collect();
        println!("{report}\nit takes no more than: --only {}", kinds.join(","));
        return Ok(ExitCode::FAILURE);
    }
    let mut unwritten = None;
    let report = run(&asked.plan, |report| {
        if let Some(path) = &asked.report
            && let Err(error) = fs::write(path, format!("{report}\n"))
        {
            unwritten = Some(format!("{}: {error}", path.display()));
        }
        if !asked.is_quiet && report.bills() % 1_000 == 0 {
            eprintln!("{} bills, {} faults, {} found", report.bills(), report.faults(), report.violations().len());
        }
    })?;
    println!("{report}");
    if let Some(error) = unwritten {
        return Err(error);
    }
    Ok(if report.violations().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

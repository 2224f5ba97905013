//! Looks for the smallest set of faults with which a run still fails. It leaves out one kind after another.

use crate::{Fault, Plan, Report, run};

/// The plan without those kinds of fault that the failure does not need, and its report. `None` if the plan does not fail.
///
/// # Errors
/// Why the stack could not be started.
pub fn shrink(plan: &Plan, mut progress: impl FnMut(Fault, bool)) -> Result<Option<(Plan, Report)>, String> {
    let failed = run(plan, |_| {})?;
    let Some((world, first)) = failed.violations().first().cloned() else { return Ok(None) };
    let mut shortest = (Plan { only_world: Some(world), ..plan.clone() }, failed);
    let rule = rule_of(&first);
    for fault in plan.rates.kinds() {
        let mut shorter = shortest.0.clone();
        shorter.rates.without(fault);
        let report = run(&shorter, |_| {})?;
        let still_fails = report.violations().iter().any(|(_, found)| rule_of(found) == rule);
        progress(fault, still_fails);
        if still_fails {
            shortest = (shorter, report);
        }
    }
    Ok(Some(shortest))
}

/// The rule that was broken: the text before its time.
fn rule_of(violation: &str) -> &str {
    violation.split(" (after ").next().unwrap_or(violation)
}

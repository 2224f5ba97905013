//! A short run in every test run. It also checks that two runs of a seed give the same report, byte for byte.

use simulation::{Plan, run};

#[test]
fn a_seed_tells_the_same_story_twice_and_nothing_is_lost() {
    let plan = Plan::new(7, 3);
    let [first, second] = [(); 2].map(|()| run(&plan, |_| {}).unwrap());
    assert_eq!(first.to_string(), second.to_string());
    assert_eq!(first.violations(), [], "{first}");
    assert!(first.faults() > 20, "nothing broke: {first}");
}

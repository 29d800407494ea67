//! The search: breadth first through all enabled actions, and from every state on the undisturbed run.

use std::collections::HashSet;
use std::fmt::Write;

use crate::actions::Action;
use crate::model::Model;
use crate::mutants::Mutant;
use crate::scenarios::Scenario;
use crate::state::State;

/// More actions than any undisturbed run has.
const LONGEST_RUN: usize = 300;

/// The result of a search.
#[derive(Clone, Debug, Default)]
pub(crate) struct Explored {
    /// The states that behave differently, by digest.
    pub(crate) distinct: HashSet<u128>,
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    pub(crate) reconciles: usize,
    pub(crate) depth: usize,
    /// Whether all states were explored.
    pub(crate) is_complete: bool,
}

struct Search<'a> {
    model: Model,
    scenario: &'a Scenario,
    states: Vec<State>,
    /// By digest, and by what users may still do and what may still fail.
    known: HashSet<(u128, u8, u8)>,
    /// The state before each state, and the action in between.
    from: Vec<(u32, Option<Action>)>,
    /// The states whose undisturbed run converges, by digest.
    converging: HashSet<u128>,
}

/// Explores a scenario until it has visited so many distinct states, or all.
///
/// # Errors
/// With a violated invariant, and the shortest trace to it.
pub(crate) fn explore(scenario: &Scenario, mutant: Mutant, most: usize) -> Result<Explored, String> {
    let mut model = Model::new(mutant);
    let mut initial = model.initial(scenario);
    if scenario.starts_running {
        initial = converged(&mut model, initial).map_err(|wrong| format!("{}: {wrong}", scenario.name))?;
    }
    let mut search = Search {
        model,
        scenario,
        states: vec![initial],
        known: HashSet::new(),
        from: vec![(0, None)],
        converging: HashSet::new(),
    };
    let digest = search.model.digest(&initial);
    search.known.insert((digest, initial.edits, initial.faults));
    search.run(most)
}

/// The state at the end of the undisturbed run.
fn converged(model: &mut Model, initial: State) -> Result<State, String> {
    let (mut state, mut length) = (initial, 0);
    while let Some(action) = model.next_undisturbed(&state) {
        length += 1;
        if length > LONGEST_RUN {
            return Err("it does not converge".to_owned());
        }
        state = model.after(&state, action)?.0;
    }
    Ok(state)
}

impl Search<'_> {
    fn run(&mut self, most: usize) -> Result<Explored, String> {
        let mut explored = Explored::default();
        let (mut next, mut end_of_depth) = (0, 1);
        while next < self.states.len() && explored.distinct.len() < most {
            if next == end_of_depth {
                (end_of_depth, explored.depth) = (self.states.len(), explored.depth + 1);
            }
            let state = self.states[next];
            explored.distinct.insert(self.model.digest(&state));
            let index = u32::try_from(next).unwrap();
            if let Err((run, wrong)) = self.check_convergence(&state) {
                return Err(self.trace(index, &run, &wrong));
            }
            explored.transitions += self.expand(&state, index)?;
            next += 1;
        }
        (explored.states, explored.reconciles) = (next, self.model.reconciles.len());
        explored.is_complete = next == self.states.len();
        Ok(explored)
    }

    /// Adds the states after all enabled actions, and returns how many actions there are.
    fn expand(&mut self, state: &State, index: u32) -> Result<usize, String> {
        let actions = self.model.actions(state, self.scenario);
        for action in &actions {
            if *action == (Action::Reconcile { former: false }) {
                let accounted = self.model.check_accounted(state);
                accounted.map_err(|wrong| self.trace(index, &[*action], &wrong))?;
            }
            let after = self.model.after(state, *action);
            let (after, _) = after.map_err(|wrong| self.trace(index, &[*action], &wrong))?;
            let digest = self.model.digest(&after);
            if self.known.insert((digest, after.edits, after.faults)) {
                self.states.push(after);
                self.from.push((index, Some(*action)));
            }
        }
        Ok(actions.len())
    }

    /// The undisturbed run converges, and then nothing is written any more.
    fn check_convergence(&mut self, from: &State) -> Result<(), (Vec<Action>, String)> {
        let mut state = State { edits: 0, faults: 0, ..*from };
        let (mut visited, mut run) = (Vec::new(), Vec::new());
        let mut last_reconcile: Option<(State, bool)> = None;
        loop {
            let digest = self.model.digest(&state);
            if self.converging.contains(&digest) {
                break;
            }
            if visited.len() > LONGEST_RUN {
                return Err((run, "it does not converge".to_owned()));
            }
            visited.push(digest);
            let Some(action) = self.model.next_undisturbed(&state) else {
                self.model.check_converged(&state).map_err(|wrong| (run.clone(), wrong))?;
                break;
            };
            if let Action::Reconcile { .. } = action {
                last_reconcile = Some((state, false));
            }
            run.push(action);
            let (after, wrote) = self.model.after(&state, action).map_err(|wrong| (run.clone(), wrong))?;
            if let (Action::Write { .. }, Some((_, any))) = (action, last_reconcile.as_mut()) {
                *any |= wrote;
            }
            state = after;
            // A reconcile that has changed nothing: it has written nothing, or it would write for ever.
            if let Some((before, any)) = last_reconcile.filter(|(before, _)| *before == state) {
                if any {
                    return Err((run, "it writes although nothing has changed".to_owned()));
                }
                self.model.check_converged(&before).map_err(|wrong| (run.clone(), wrong))?;
                break;
            }
        }
        self.converging.extend(visited);
        Ok(())
    }

    /// The shortest trace to a state, then the undisturbed run from there.
    fn trace(&self, mut index: u32, run: &[Action], wrong: &str) -> String {
        let mut path = Vec::new();
        while let (before, Some(action)) = self.from[index as usize] {
            path.push(action);
            index = before;
        }
        path.reverse();
        let mut text = format!("{}: {wrong}\n", self.scenario.name);
        for (number, action) in path.iter().enumerate() {
            let _ = writeln!(text, "{:>4}. {}", number + 1, self.model.description(*action));
        }
        for action in run {
            let _ = writeln!(text, "   -> {}", self.model.description(*action));
        }
        text
    }
}

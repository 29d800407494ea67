//! Breadth first through everything that can happen; and from every state on, what happens when all goes well.

use std::collections::HashSet;
use std::fmt::Write;

use crate::actions::{Action, Story};
use crate::model::World;
use crate::mutants::Fault;
use crate::state::State;

/// Longer than any way to rest.
const LONGEST_WAY_TO_REST: usize = 300;

/// What an exploration has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Explored {
    /// The states that behave differently, by their digest.
    pub(crate) distinct: HashSet<u128>,
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    pub(crate) looks: usize,
    pub(crate) depth: usize,
    /// Whether nothing was left to explore.
    pub(crate) is_complete: bool,
}

struct Search<'a> {
    world: World,
    story: &'a Story,
    states: Vec<State>,
    /// By their digests, and what may still happen.
    known: HashSet<(u128, u8, u8)>,
    /// How each state was come to.
    from: Vec<(u32, Option<Action>)>,
    /// The states, by their digests, from which a fault-free run comes to rest.
    settles: HashSet<u128>,
}

/// Explores a story until it has seen so many states, or all.
pub(crate) fn explore(story: &Story, fault: Fault, most: usize) -> Result<Explored, String> {
    let mut world = World::new(fault);
    let mut beginning = world.beginning(story);
    if story.runs {
        let (mut last, mut length) = (beginning, 0);
        while let Some(action) = world.next_when_all_goes_well(&last) {
            length += 1;
            if length > LONGEST_WAY_TO_REST {
                return Err(format!("{}: it does not come to rest", story.name));
            }
            last =
                world.after(&last, action).map_err(|wrong| format!("{}: on the way: {wrong}", story.name))?.0;
        }
        beginning = last;
    }
    let mut search = Search {
        world,
        story,
        states: vec![beginning],
        known: HashSet::new(),
        from: vec![(0, None)],
        settles: HashSet::new(),
    };
    let digest = search.world.digest(&beginning);
    search.known.insert((digest, beginning.edits, beginning.faults));
    search.run(most)
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
            explored.distinct.insert(self.world.digest(&state));
            let index = u32::try_from(next).unwrap();
            if let Err((way, wrong)) = self.settle(&state) {
                return Err(self.told(index, &way, &wrong));
            }
            for action in self.world.actions(&state, self.story) {
                explored.transitions += 1;
                if action == (Action::Look { former: false })
                    && let Err(wrong) = self.world.check_foreseen(&state)
                {
                    return Err(self.told(index, &[action], &wrong));
                }
                match self.world.after(&state, action) {
                    Err(wrong) => return Err(self.told(index, &[action], &wrong)),
                    Ok((after, _)) => {
                        let digest = self.world.digest(&after);
                        if self.known.insert((digest, after.edits, after.faults)) {
                            self.states.push(after);
                            self.from.push((index, Some(action)));
                        }
                    }
                }
            }
            next += 1;
        }
        (explored.states, explored.looks) = (next, self.world.plans.len());
        explored.is_complete = next == self.states.len();
        Ok(explored)
    }

    /// The fault-free run: it comes to rest, and then nothing is written any more.
    fn settle(&mut self, from: &State) -> Result<(), (Vec<Action>, String)> {
        let mut state = State { edits: 0, faults: 0, ..*from };
        let (mut passed, mut way) = (Vec::new(), Vec::new());
        let mut at_look: Option<(State, bool)> = None;
        loop {
            let digest = self.world.digest(&state);
            if self.settles.contains(&digest) {
                break;
            }
            if passed.len() > LONGEST_WAY_TO_REST {
                return Err((way, "it does not come to rest".to_owned()));
            }
            passed.push(digest);
            let Some(action) = self.world.next_when_all_goes_well(&state) else {
                self.world.check_rest(&state).map_err(|wrong| (way.clone(), wrong))?;
                break;
            };
            if let Action::Look { .. } = action {
                at_look = Some((state, false));
            }
            way.push(action);
            let (after, wrote) = self.world.after(&state, action).map_err(|wrong| (way.clone(), wrong))?;
            if let (Action::Write { .. }, Some((_, any))) = (action, at_look.as_mut()) {
                *any |= wrote;
            }
            state = after;
            // A look that changed nothing: either it wrote nothing, or it writes for ever.
            if let Some((before, any)) = at_look.filter(|(before, _)| *before == state) {
                if any {
                    return Err((way, "it writes although there is nothing to write".to_owned()));
                }
                self.world.check_rest(&before).map_err(|wrong| (way.clone(), wrong))?;
                break;
            }
        }
        self.settles.extend(passed);
        Ok(())
    }

    /// The shortest way to what is wrong.
    fn told(&self, mut index: u32, way: &[Action], wrong: &str) -> String {
        let mut path = Vec::new();
        while let (before, Some(action)) = self.from[index as usize] {
            path.push(action);
            index = before;
        }
        path.reverse();
        let mut text = format!("{}: {wrong}\n", self.story.name);
        for (number, action) in path.iter().enumerate() {
            let _ = writeln!(text, "{:>4}. {}", number + 1, self.world.words(*action));
        }
        for action in way {
            let _ = writeln!(text, "   -> {}", self.world.words(*action));
        }
        text
    }
}

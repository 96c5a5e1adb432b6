use super::{Random, Wish};
use ropeway_core::time::Duration;
use std::collections::VecDeque;

/// What an exchange is like, before anything goes wrong.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The memory of the input and of the outbox, at each side.
    pub memory: [(usize, usize); 2],
    /// The window that each side grants, if the memory allows.
    pub window: u32,
    /// What both sides promise, if they do.
    pub silence: Option<Duration>,
    /// Whether messages in doubt are looked at.
    pub keeps_in_doubt: bool,
    /// The memory that is kept for files; without any there are none.
    pub file_room: u32,
    /// How long bytes travel.
    pub latency: Duration,
    /// How many are on their way at most.
    pub capacity: usize,
    /// How long the program takes to take one message; none takes all that there are.
    pub pace: Option<Duration>,
    /// Bytes are written and read in pieces of at most this.
    pub piece: usize,
    /// What each side says.
    pub scripts: [Script; 2],
}

/// What a program says, in order.
pub type Script = VecDeque<Step>;

/// One thing to say.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A message with so many bytes of filler.
    Note(usize),
    /// A call.
    Ask {
        /// What is to become of it.
        wish: Wish,
        /// When it is given up.
        within: Duration,
        /// When it is cancelled, if it is.
        cancel_after: Option<Duration>,
    },
    /// A file of so many bytes that is offered, or asked for.
    File {
        /// How many.
        len: usize,
        /// Whether it is asked for.
        asks: bool,
    },
    /// Nothing, for a while.
    Wait(Duration),
}

impl Setup {
    /// Room for everything, and no promises.
    pub fn roomy(scripts: [Script; 2]) -> Self {
        Self {
            memory: [(1024, 1024); 2],
            window: u32::MAX,
            silence: None,
            keeps_in_doubt: false,
            file_room: 0,
            latency: Duration::from_millis(3),
            capacity: 4096,
            pace: None,
            piece: usize::MAX,
            scripts,
        }
    }

    /// The longest filler of a message that either side can send and the other takes.
    pub fn longest(&self) -> usize {
        let fits = |(input, outbox): (usize, usize)| {
            let answers = (outbox / 8).min(256);
            (input - 128).min(outbox - answers)
        };
        fits(self.memory[0])
            .min(fits(self.memory[1]))
            .saturating_sub(20)
    }

    /// One that chance makes, with its scripts.
    pub fn random(random: &mut Random) -> Self {
        let sizes = [
            (256, 256),
            (300, 700),
            (1024, 300),
            (1024, 1024),
            (4096, 2048),
        ];
        let memory = [random.one_of(&sizes), random.one_of(&sizes)];
        let mut setup = Self {
            memory,
            window: random.one_of(&[u32::MAX, u32::MAX, 40, 100, 300]),
            silence: Some(Duration::from_millis(random.one_of(&[400, 1_000, 3_000]))),
            keeps_in_doubt: random.once_in(2),
            file_room: 0,
            latency: Duration::from_micros(random.one_of(&[0, 50, 2_000, 30_000, 90_000])),
            capacity: random.one_of(&[64, 300, 4096]),
            pace: random
                .one_of(&[None, None, Some(1), Some(20)])
                .map(Duration::from_millis),
            piece: random.one_of(&[7, 60, 500, usize::MAX]),
            scripts: [Script::new(), Script::new()],
        };
        let longest = setup.longest();
        let has_files = memory.iter().all(|(input, _)| *input >= 1024) && random.once_in(2);
        if has_files {
            setup.file_room = FILE_ROOM;
        }
        setup.scripts = [0, 1].map(|_| random_script(random, longest, has_files));
        setup
    }
}

/// Messages of all sizes up to `longest` bytes, calls and what can become of them.
pub fn script(longest: usize) -> Script {
    let ms = Duration::from_millis;
    let ask = |wish, within| Step::Ask {
        wish,
        within: ms(within),
        cancel_after: None,
    };
    [
        Step::Note(0),
        Step::Note(5),
        ask(Wish::Answer(0), 20_000),
        Step::Note(longest.min(400)),
        ask(Wish::Refuse(10), 20_000),
        Step::Note(40),
        ask(Wish::Silence, 300),
        Step::Wait(ms(20)),
        Step::Note(longest.min(150)),
        ask(Wish::Answer(50), 20_000),
        Step::Ask {
            wish: Wish::Answer(200),
            within: ms(20_000),
            cancel_after: Some(ms(30)),
        },
        Step::Note(90),
        Step::Note(longest.min(260)),
        Step::Wait(ms(20)),
        ask(Wish::Answer(0), 20_000),
        Step::Note(1),
    ]
    .into()
}

/// The same, and files both ways.
pub fn script_with_files(longest: usize) -> Script {
    let mut script = script(longest);
    for (at, len, asks) in [(1, 700, false), (3, 0, false), (6, 400, true)] {
        script.insert(at, Step::File { len, asks });
    }
    script
}

fn random_script(random: &mut Random, longest: usize, has_files: bool) -> Script {
    // Some have nothing to say.
    let steps = match random.once_in(6) {
        true => 0,
        false => 4 + random.below(40),
    };
    let step = |random: &mut Random| match random.below(12) {
        0 if has_files => Step::File {
            len: random.one_of(&[0, 1, 99, 100, 1_000, 5_000]),
            asks: random.once_in(3),
        },
        0..6 => Step::Note(random.below(60)),
        6 => Step::Note(random.below(longest + 1)),
        7 => Step::Wait(Duration::from_millis(random.one_of(&[1, 40, 700]))),
        _ => Step::Ask {
            wish: match random.below(6) {
                0..3 => Wish::Answer(random.one_of(&[0, 0, 30, 2_000])),
                3 | 4 => Wish::Refuse(random.one_of(&[0, 100])),
                _ => Wish::Silence,
            },
            within: Duration::from_millis(random.one_of(&[20, 500, 8_000])),
            cancel_after: random
                .once_in(4)
                .then(|| Duration::from_millis(random.one_of(&[0, 10, 300]))),
        },
    };
    (0..steps).map(|_| step(random)).collect()
}

/// Room for eight files of a window of 256 bytes would be more: they share it.
pub const FILE_ROOM: u32 = 600;

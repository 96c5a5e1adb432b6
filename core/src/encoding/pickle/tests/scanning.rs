use crate::encoding::pickle::{Node, Nodes, Progress, Table};
use crate::encoding::value::{DEPTH_LIMIT, Read};
use crate::encoding::{DecodeError, Rule};
use std::{vec, vec::Vec};

use super::LIMIT;

fn verdict(input: &[u8]) -> Result<Progress, DecodeError> {
    Table::new([Node::EMPTY; 256]).scan(input, LIMIT)
}

fn rule(input: &[u8]) -> Rule {
    verdict(input).unwrap_err().rule
}

/// Python's text of the value, from the message of an exception that it is the only argument of.
#[test]
fn refuses_what_breaks_a_rule_as_soon_as_it_is_known() {
    let operands = |opcode| Rule::Operands { opcode };
    let forbidden = |opcode| Rule::Forbidden { opcode };
    let limit = 100_000;
    for (pickle, rule) in [
        // Lengths that are announced and never come.
        (&b"B\xff\xff\xff\xff"[..], Rule::TooLong { limit }),
        (
            b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
            Rule::TooLong { limit },
        ),
        (
            b"\x95\xff\xff\xff\xff\xff\xff\xff\xff",
            Rule::TooLong { limit },
        ),
        (b"\x8b\xfb\x06\x00\x00", Rule::TooManyDigits { limit: 4300 }),
        // Operands that are not there, or others.
        (b".", operands(b'.')),
        (b"NN.", operands(b'.')),
        (b"(.", operands(b'.')),
        (b"N\x86", operands(0x86)),
        (b"N(\x85", operands(0x85)),
        (b"Nt", operands(b't')),
        (b"NNa", operands(b'a')),
        (b"](NNu", operands(b'u')),
        (b"}(Nu", operands(b'u')),
        (b"](N\x90", operands(0x90)),
        (b"(q\x00", operands(b'q')),
        (b"\x94", operands(0x94)),
        // Keys that can be none.
        (b"}]Ns", operands(b's')),
        (b"}]\x85Ns", operands(b's')),
        (b"]q\x00}h\x00Ns", operands(b's')),
        (b"(]\x91", operands(0x91)),
        (b"cbuiltins\nset\n](]e\x85R", operands(b'R')),
        // Values that would contain themselves.
        (b"]q\x00h\x00a", Rule::Recursive),
        (b"]q\x00(h\x00\x85e", Rule::Recursive),
        (b"}q\x00Nh\x00s", Rule::Recursive),
        (b"]q\x00h\x00Na", Rule::Recursive),
        (b"cm\nError\n)Rq\x00}Nh\x00\x85sb", Rule::Recursive),
        // Names and calls.
        (b"cos\nsystem\n.", forbidden(b'c')),
        (b"\x8c\x01a\x8c\x01b\x93.", forbidden(0x93)),
        (b"](cos\nsystem\ne", forbidden(b'c')),
        (b"cos\nsystem\n\x85", forbidden(b'c')),
        (b"cos\nsystem\n)R", forbidden(b'R')),
        (b"NN\x93", operands(0x93)),
        (b"N)R", forbidden(b'R')),
        (b"cm\nError\nNR", operands(b'R')),
        (b"cm\nError\n)\x81", forbidden(0x81)),
        (b"cm\nError\n)R}b}b", forbidden(b'b')),
        (b"cm\nError\n)RNb", forbidden(b'b')),
        (b"](cm\nError\n)Re", forbidden(b'R')),
        (b"}cm\nError\n)RNs", forbidden(b'R')),
        (b"cbuiltins\nset\nNN\x86R", forbidden(b'R')),
        (b"cbuiltins\nset\nN\x85R", forbidden(b'R')),
        (b"ctraceback\nStackSummary\n)R", forbidden(b'R')),
        (b"ctraceback\nStackSummary\n)\x81.", forbidden(0x81)),
        (b"ctraceback\nStackSummary\n)\x81Na", operands(b'a')),
        (b"cm\nStuck\n)R", forbidden(b'R')),
        (b"cm\nA\ncm\nB\n)R", forbidden(b'R')),
        (b"cm\nError\ncm\nOtherError\n)R]\x87", forbidden(b'c')),
        (b"cm\nError\nN]\x87", forbidden(b'c')),
        (b"cm\nError\nVx\nN\x87", forbidden(b'c')),
        // Text, numbers and places.
        (b"\x8c\x01\xff", Rule::InvalidUtf8),
        (b"V\xe9\n", Rule::InvalidUtf8),
        (b"Va\\u0041\n", Rule::InvalidEscape),
        (b"I1x\n", Rule::InvalidNumber),
        (b"L18446744073709551616L\n", Rule::OutOfRange),
        (b"F", forbidden(b'F')),
        (b"p-1\n", Rule::InvalidNumber),
        (b"h\x00", Rule::Memo { index: 0 }),
        (b"Nq\x05h\x04", Rule::Memo { index: 4 }),
        (b"g7\n", Rule::Memo { index: 7 }),
        (b"\x80\x06", Rule::Version { version: 6 }),
        (b"\x00", Rule::UnknownOpcode { opcode: 0 }),
        (b"0", forbidden(b'0')),
    ] {
        assert_eq!(self::rule(pickle), rule, "{pickle:?}");
        assert_eq!(stepwise(pickle), verdict(pickle), "{pickle:?}");
    }
    for line in [
        &b"I18446744073709551616\n"[..],
        b"L-9223372036854775809L\n",
        b"L-10000000000000000000000000000000000000000000L\n",
        b"I10000000000000000000000000000000000000000000\n",
    ] {
        assert_eq!(rule(line), Rule::OutOfRange);
    }
    let long = [&b"I"[..], &[b'1'; 64]].concat();
    assert_eq!(rule(&long), Rule::InvalidNumber);
}

fn stepwise(input: &[u8]) -> Result<Progress, DecodeError> {
    let mut table = Table::new([Node::EMPTY; 256]);
    for len in 0..input.len() {
        let seen = table.scan(&input[..len], LIMIT);
        if seen != Ok(Progress::More) {
            return seen;
        }
    }
    table.scan(input, LIMIT)
}

#[test]
fn no_more_bytes_are_taken_than_the_limit() {
    let pickle = b"\x8c\x05hello.";
    for limit in 0..pickle.len() {
        let error = Table::new([Node::EMPTY; 4])
            .scan(pickle, limit)
            .unwrap_err();
        let most = u32::try_from(limit).unwrap();
        assert_eq!(error.rule, Rule::TooLong { limit: most });
        let mut table = Table::new([Node::EMPTY; 4]);
        let early = (0..=limit).find_map(|len| table.scan(&pickle[..len], limit).err());
        assert_eq!(early, Some(error));
    }
    let done = Progress::Done { len: pickle.len() };
    assert_eq!(Table::new([Node::EMPTY; 4]).scan(pickle, 8), Ok(done));
}

#[test]
fn nests_as_deep_as_the_limit() {
    let nested = |levels| [vec![b']'; levels], vec![b'a'; levels - 1], vec![b'.']].concat();
    let limit = DEPTH_LIMIT;
    let levels = usize::from(limit);
    let input = nested(levels);
    let mut table = Table::new([Node::EMPTY; 256]);
    let len = input.len();
    assert_eq!(table.scan(&input, LIMIT), Ok(Progress::Done { len }));
    let mut reader = table.root(&input).unwrap().reader();
    for _ in 1..levels {
        reader.begin_array().unwrap();
        assert_eq!(reader.next_element(), Ok(true));
    }
    reader.begin_array().unwrap();
    for _ in 0..levels {
        assert_eq!(reader.next_element(), Ok(false));
    }
    assert_eq!(rule(&nested(levels + 1)), Rule::TooDeep { limit });
    let tuples = [vec![b')'], vec![0x85; levels]].concat();
    assert_eq!(rule(&tuples), Rule::TooDeep { limit });
}

#[test]
fn what_references_repeat_is_charged() {
    // Each level holds the one before ten times; without a memo it would be 10^11 values.
    let mut input = b"]".to_vec();
    for level in 0..11 {
        input.extend([b'q', level, b']', b'(']);
        input.extend([b'h', level].repeat(10));
        input.push(b'e');
    }
    let limit = 256;
    assert_eq!(rule(&input), Rule::TooManyValues { limit });
    // Long text counts as many values.
    let mut input = b"(B\x00\x10\x00\x00".to_vec();
    input.resize(input.len() + 4096, b'x');
    input.extend(b"q\x00h\x00h\x00h\x00");
    assert_eq!(verdict(&input), Ok(Progress::More));
    input.extend(b"h\x00");
    assert_eq!(rule(&input), Rule::TooManyValues { limit });
}

#[test]
fn the_table_is_the_limit() {
    let limit = 8;
    let over = |input: &[u8]| Table::new([Node::EMPTY; 8]).scan(input, LIMIT).unwrap_err();
    assert_eq!(
        over(b"((((((((("),
        DecodeError::at(8, Rule::TooManyValues { limit })
    );
    assert_eq!(
        over(b"NNNNNNNNN"),
        DecodeError::at(8, Rule::TooManyValues { limit })
    );
    assert_eq!(over(b"Nq\x1c").rule, Rule::TooManyValues { limit });
    assert_eq!(
        over(b"Nr\xff\xff\xff\xff").rule,
        Rule::Memo { index: u32::MAX }
    );
    assert_eq!(over(b"Nq\x1bN").rule, Rule::TooManyValues { limit });
    // Marks are used again: one is enough for any number of batches.
    let mut table = Table::new([Node::EMPTY; 8]);
    let batches = b"](N\x88e(e(e(\x89NNe.";
    assert_eq!(table.scan(batches, LIMIT), Ok(Progress::Done { len: 15 }));
    let empty: &mut [Node] = &mut [];
    assert_eq!(
        Table::new(empty).scan(b"N", LIMIT).unwrap_err().rule,
        Rule::TooManyValues { limit: 0 }
    );
}

struct Growing(Vec<Node>);

impl AsRef<[Node]> for Growing {
    fn as_ref(&self) -> &[Node] {
        &self.0
    }
}

impl AsMut<[Node]> for Growing {
    fn as_mut(&mut self) -> &mut [Node] {
        &mut self.0
    }
}

impl Nodes for Growing {
    fn limit(&self) -> usize {
        1000
    }

    fn grow(&mut self, len: usize) -> bool {
        if len <= 1000 {
            self.0.resize(len, Node::EMPTY);
        }
        self.0.len() >= len
    }
}

#[test]
fn grows_without_losing_the_memo() {
    let mut input = b"](".to_vec();
    for number in 0..200 {
        input.extend([b'K', number, b'q', number]);
    }
    for number in 0..200 {
        input.extend([b'h', number]);
    }
    input.extend(b"e.");
    let mut table = Table::new(Growing(Vec::new()));
    let len = input.len();
    assert_eq!(table.scan(&input, LIMIT), Ok(Progress::Done { len }));
    let elements = table.root(&input).unwrap().elements();
    let numbers: Vec<u8> = elements
        .map(|element| element.number().unwrap().to_integer::<i64>().unwrap())
        .map(|number| u8::try_from(number).unwrap())
        .collect();
    let twice: Vec<u8> = (0..200).chain(0..200).collect();
    assert_eq!(numbers, twice);
    assert!(table.root(&input).unwrap().elements().count() < 1000);
    let too_many = [&b"]("[..], &[b'N'; 1000]].concat();
    table.clear();
    assert_eq!(
        table.scan(&too_many, LIMIT).unwrap_err().rule,
        Rule::TooManyValues { limit: 1000 }
    );
}

#[test]
fn grows_at_any_opcode() {
    for input in [
        &b"](Vtext\nVa\nNe."[..],
        b"Vtext\n.",
        b"cm\nError\n)R.",
        b"(I1\nL2L\nN\x8c\x01xC\x01y])}t.",
    ] {
        let fixed = verdict(input);
        let mut table = Table::new(Growing(Vec::new()));
        assert_eq!(table.scan(input, LIMIT), fixed, "{input:?}");
        table.clear();
        for len in 0..input.len() {
            let mut table = Table::new(Growing(std::vec![Node::EMPTY; len]));
            assert_eq!(
                table.scan(input, LIMIT),
                fixed,
                "{input:?} from {len} nodes"
            );
        }
    }
    let lines = [&b"V"[..], &[b'\n'; 300]].concat();
    let mut table = Table::new(Growing(Vec::new()));
    assert_eq!(
        table.scan(&lines, LIMIT).unwrap_err().rule,
        Rule::UnknownOpcode { opcode: b'\n' }
    );
}

#[test]
fn what_is_refused_stays_refused_until_the_table_is_cleared() {
    for input in [
        &b"]]q\x00h\x00a."[..],
        b"]cos\nsystem\na.",
        b"](cos\nsystem\ne.",
        b"NN.",
        b"NNNNNNNNN.",
    ] {
        let mut table = Table::new([Node::EMPTY; 8]);
        let refused = table.scan(input, LIMIT).unwrap_err();
        for _ in 0..3 {
            assert_eq!(table.scan(input, LIMIT), Err(refused), "{input:?}");
            assert!(table.root(input).is_none());
        }
        table.clear();
        assert_eq!(table.scan(b"N.", LIMIT), Ok(Progress::Done { len: 2 }));
    }
}

#[test]
fn a_short_pickle_does_not_ask_for_a_large_memo() {
    let mut table = Table::new(Growing(Vec::new()));
    assert_eq!(
        table.scan(b"Np255\nq\xffr\xff\x00\x00\x00", LIMIT),
        Ok(Progress::More)
    );
    let index = 256;
    assert_eq!(
        table.scan(b"Np255\nq\xffr\xff\x00\x00\x00r\x00\x01\x00\x00", LIMIT),
        Err(DecodeError::at(13, Rule::Memo { index }))
    );
    // One place for each byte is more than any pickle needs.
    let mut long = std::vec![b'B', 0, 2, 0, 0];
    long.resize(5 + 512, b'x');
    long.extend(b"r\x05\x02\x00\x00.");
    table.clear();
    let len = long.len();
    assert_eq!(table.scan(&long, LIMIT), Ok(Progress::Done { len }));
}

use proptest::prelude::*;

use super::*;

fn template(layers: (u8, u8), indications: &[Indication], references: &[u16], chains: &[u8]) -> Template {
    let mut made = Template { spatial: layers.0, temporal: layers.1, ..Template::default() };
    indications.iter().for_each(|indication| made.indications.push(*indication).unwrap());
    references.iter().for_each(|reference| made.references.push(*reference).unwrap());
    chains.iter().for_each(|chain| made.chains.push(*chain).unwrap());
    made
}

/// One spatial layer, two temporal ones, the lower protected by a chain.
fn l1t2() -> Structure {
    use Indication::{Discardable, NotPresent, Switch};
    let templates = [
        template((0, 0), &[Switch, Switch], &[], &[0]),
        template((0, 0), &[Switch, Switch], &[2], &[2]),
        template((0, 1), &[NotPresent, Discardable], &[1], &[1]),
    ];
    let mut structure = Structure::new(&templates).unwrap();
    (structure.decode_targets, structure.chains) = (2, 1);
    structure.protected_by.push(0).unwrap();
    structure.protected_by.push(0).unwrap();
    structure.sizes.push((640, 360)).unwrap();
    structure
}

fn frame(structure: &Structure, template_id: u8, frame_number: u16, has_structure: bool) -> Frame {
    let of = structure.template(template_id).unwrap();
    Frame {
        descriptor: Descriptor { frame_start: true, frame_end: false, template_id, frame_number, has_structure },
        spatial: of.spatial,
        temporal: of.temporal,
        indications: of.indications,
        references: of.references,
        chains: of.chains,
        active: has_structure.then_some(u32::MAX >> (32 - structure.decode_targets)),
    }
}

#[test]
fn bits_are_read_highest_first_over_the_borders_of_bytes() {
    let mut reader = BitReader::new(&[0b1010_0110, 0b1100_0001]);
    assert_eq!([reader.bits(3), reader.bits(7), reader.bits(6)], [Ok(0b101), Ok(0b001_1011), Ok(1)]);
    assert_eq!(reader.position(), 16);
    assert_eq!(reader.bits(0), Ok(0));
    assert_eq!(reader.bits(1), Err(Overrun));
}

#[test]
fn numbers_below_a_bound_take_as_few_bits_as_the_av1_specification_says() {
    // ns(5): 0, 1 and 2 take two bits, 3 and 4 take three.
    for (value, code, len) in [(0, 0b00, 2), (1, 0b01, 2), (2, 0b10, 2), (3, 0b110, 3), (4, 0b111, 3)] {
        let mut out = [0];
        BitWriter::new(&mut out).below(value, 5).unwrap();
        assert_eq!(out[0], code << (8 - len), "{value}");
        let mut reader = BitReader::new(&out);
        assert_eq!((reader.below(5), reader.position()), (Ok(value), len), "{value}");
    }
    assert_eq!(BitReader::new(&[]).below(1), Ok(0));
}

#[test]
fn a_descriptor_without_a_structure_is_three_bytes() {
    let data = [0b1100_0010, 0x12, 0x34];
    let descriptor = Descriptor::parse(&data).unwrap();
    assert!(descriptor.frame_start && descriptor.frame_end && !descriptor.has_structure);
    assert_eq!((descriptor.template_id, descriptor.frame_number), (2, 0x1234));
    let frame = Frame::parse(&data, &mut Some(Box::new(l1t2()))).unwrap();
    assert_eq!((frame.spatial, frame.temporal, frame.active), (0, 1, None));
    assert_eq!(frame.references.as_slice(), [1]);
    assert_eq!(frame.indication(1), Indication::Discardable);
    assert_eq!(frame.indication(7), Indication::NotPresent);
    assert_eq!(Frame::parse(&data, &mut None), Err(DescriptorError::NoStructure));
    assert_eq!(Descriptor::parse(&data[..2]), Err(DescriptorError::Truncated));
}

#[test]
fn a_key_frame_brings_its_structure() {
    let structure = l1t2();
    let key = frame(&structure, 0, 7, true);
    let mut data = [0; 64];
    let len = key.write(&structure, &mut data).unwrap();
    let mut learned = None;
    let read = Frame::parse(&data[..len], &mut learned).unwrap();
    assert_eq!(read, key);
    assert!(read.is_key() && read.descriptor.has_structure);
    assert_eq!(learned.as_deref(), Some(&structure));
    assert_eq!(structure.layers_of(0), (0, 0));
    assert_eq!(structure.layers_of(1), (0, 1));
}

#[test]
fn template_ids_wrap_around() {
    let mut structure = l1t2();
    structure.template_id_offset = 62;
    assert_eq!(structure.template(0).unwrap().temporal, 1);
    assert_eq!(structure.template(1), Err(DescriptorError::UnknownTemplate));
}

#[test]
fn a_broken_structure_leaves_none() {
    let structure = l1t2();
    let mut data = [0; 64];
    let len = frame(&structure, 0, 7, true).write(&structure, &mut data).unwrap();
    for cut in MANDATORY_LEN + 1..len {
        let mut learned = Some(Box::new(structure.clone()));
        assert!(Frame::parse(&data[..cut], &mut learned).is_err(), "{cut}");
        assert_eq!(learned, None, "{cut}");
    }
}

#[test]
fn layers_without_end_are_out_of_bounds() {
    // next_layer_idc of 1 for ever.
    let mut data = [0b0101_0101; 64];
    data[3..6].copy_from_slice(&[0x80, 0, 0x55]);
    assert_eq!(Frame::parse(&data, &mut None), Err(DescriptorError::OutOfBounds));
}

#[test]
fn the_frame_number_is_rewritten_in_place() {
    let mut data = [0xc1, 0, 1, 0xff];
    Descriptor::rewrite_frame_number(&mut data, 0xfffe);
    assert_eq!(data, [0xc1, 0xff, 0xfe, 0xff]);
    Descriptor::rewrite_frame_number(&mut data[..2], 5);
    assert_eq!(data, [0xc1, 0xff, 0xfe, 0xff]);
}

#[test]
fn the_target_is_the_best_that_is_sent_within_the_layers() {
    use Indication::{NotPresent, Switch};
    let targets = [(0, 0), (0, 1), (1, 0), (1, 1)];
    let templates: Vec<Template> = targets
        .iter()
        .map(|own| {
            let holds = |target: &(u8, u8)| target.0 >= own.0 && target.1 >= own.1;
            let indications = targets.map(|target| if holds(&target) { Switch } else { NotPresent });
            template(*own, &indications, &[], &[])
        })
        .collect();
    let mut structure = Structure::new(&templates).unwrap();
    structure.decode_targets = 4;
    assert_eq!(structure.target_for(7, 7, 0b1111), Some(3));
    assert_eq!(structure.target_for(0, 7, 0b1111), Some(1));
    assert_eq!(structure.target_for(7, 0, 0b1111), Some(2));
    assert_eq!(structure.target_for(7, 7, 0b0011), Some(1));
    // Nothing that low is sent: the lowest that is.
    assert_eq!(structure.target_for(0, 0, 0b1100), Some(2));
    assert_eq!(structure.target_for(0, 0, 0), None);
}

fn indication() -> impl Strategy<Value = Indication> {
    (0_u64..4).prop_map(Indication::from_bits)
}

fn filled<T: Copy + Default, const N: usize>(items: &[T]) -> Short<T, N> {
    let mut made = Short::default();
    items.iter().for_each(|item| made.push(*item).unwrap());
    made
}

prop_compose! {
    /// Any structure that can be written.
    fn structures()(targets in 1_usize..=32, steps in prop::collection::vec(0_u8..3, 0..20))(
        chains in 0..=targets,
        offset in 0_u8..64,
        indications in prop::collection::vec(prop::collection::vec(indication(), targets), steps.len() + 1),
        references in prop::collection::vec(prop::collection::vec(1_u16..=16, 0..=MAX_REFERENCES), steps.len() + 1),
        chain_diffs in prop::collection::vec(prop::collection::vec(0_u8..16, targets), steps.len() + 1),
        protected in prop::collection::vec(any::<prop::sample::Index>(), targets),
        sizes in prop::option::of(prop::collection::vec((1_u16.., 1_u16..), 8)),
        targets in Just(targets),
        steps in Just(steps),
    ) -> Structure {
        let (mut spatial, mut temporal) = (0, 0);
        let mut templates = Vec::new();
        for at in 0..=steps.len() {
            templates.push(Template {
                spatial,
                temporal,
                indications: filled(&indications[at]),
                references: filled(&references[at]),
                chains: filled(&chain_diffs[at][..chains]),
            });
            match steps.get(at) {
                Some(1) if temporal < 7 => temporal += 1,
                Some(2) if spatial < 7 => (spatial, temporal) = (spatial + 1, 0),
                _ => {}
            }
        }
        let mut structure = Structure::new(&templates).unwrap();
        structure.template_id_offset = offset;
        structure.decode_targets = targets as u8;
        structure.chains = chains as u8;
        if chains > 0 {
            let by: Vec<u8> = protected.iter().map(|index| index.index(chains) as u8).collect();
            structure.protected_by = filled(&by);
        }
        if let Some(sizes) = sizes {
            structure.sizes = filled(&sizes[..=usize::from(spatial)]);
        }
        structure
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        structure in structures(),
        at in any::<prop::sample::Index>(),
        number in any::<u16>(),
        brings in any::<bool>(),
        own in prop::option::of((
            prop::collection::vec(indication(), 32),
            prop::collection::vec(1_u16..=4_096, 0..=MAX_REFERENCES),
            prop::collection::vec(any::<u8>(), 32),
        )),
        mask in prop::option::of(any::<u32>()),
    ) {
        let id = (structure.template_id_offset + at.index(structure.templates().len()) as u8) & 0x3f;
        let mut written = frame(&structure, id, number, brings);
        if let Some((indications, references, chains)) = own {
            written.indications = filled(&indications[..usize::from(structure.decode_targets)]);
            written.references = filled(&references);
            written.chains = filled(&chains[..usize::from(structure.chains)]);
        }
        if let Some(mask) = mask {
            written.active = Some(mask & (u32::MAX >> (32 - structure.decode_targets)));
        }
        let mut data = [0xaa; 2_048];
        let len = written.write(&structure, &mut data).unwrap();
        let mut known = (!brings).then(|| Box::new(structure.clone()));
        prop_assert_eq!(Frame::parse(&data[..len], &mut known), Ok(written));
        prop_assert_eq!(known.as_deref(), Some(&structure));
    }

    #[test]
    fn noise_is_refused_or_understood(data in prop::collection::vec(any::<u8>(), 0..256)) {
        let mut structure = None;
        if let Ok(frame) = Frame::parse(&data, &mut structure) {
            let structure = structure.expect("a frame is read with one");
            let _ = structure.target_for(frame.spatial, frame.temporal, frame.active.unwrap_or(u32::MAX));
        }
    }
}

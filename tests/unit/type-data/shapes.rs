// SPDX-License-Identifier: MIT
// Rust's types. The program tells their sizes as shapes.h has it.
#![allow(dead_code)]
use std::mem::size_of;

pub struct Point {
    x: i32,
    y: u8,
    z: i64,
}
pub struct Pair(i32, f64);
pub struct Unit;
pub enum Shape {
    Circle(f64),
    Square { side: u32, name: &'static str },
    Empty,
}
#[derive(Clone, Copy)]
pub enum Color {
    Red,
    Green = 5,
    Blue,
}
pub union Either {
    a: u32,
    b: f32,
}
pub trait Measured {
    fn measure(&self) -> i32;
}
impl Measured for Point {
    fn measure(&self) -> i32 {
        self.x
    }
}

pub struct All {
    point: Point,
    pair: Pair,
    shape: Shape,
    color: Color,
    array: [i32; 4],
    grid: [[u8; 3]; 2],
    text: &'static str,
    slice: &'static [i32],
    tuple: (i32, char, bool),
    option: Option<i32>,
    boxed: Option<Box<i32>>,
    result: Result<i32, u8>,
    function: fn(i32, &mut Point) -> i32,
    nothing: fn(),
    object: &'static dyn Measured,
    wide: u128,
    letter: char,
    colored: Option<Color>,
}

fn add(a: i32, point: &mut Point) -> i32 {
    point.x += a;
    point.x
}

fn nothing() {}

static POINT: Point = Point { x: 1, y: 2, z: 3 };
#[used]
static UNIT: Unit = Unit;
static NUMBERS: [i32; 3] = [1, 2, 3];

pub fn tell(name: &str, size: usize) {
    println!("size\t{}\t{}", name, size);
}

fn main() {
    let all = All {
        point: Point { x: 1, y: 2, z: 3 },
        pair: Pair(1, 2.0),
        shape: Shape::Square { side: 1, name: "square" },
        color: Color::Green,
        array: [1, 2, 3, 4],
        grid: [[0; 3]; 2],
        text: "text",
        slice: &NUMBERS[1..],
        tuple: (1, 'x', true),
        option: Some(3),
        boxed: None,
        result: Ok(1),
        function: add,
        nothing,
        object: &POINT,
        wide: 2,
        letter: 'é',
        colored: Some(Color::Red),
    };
    let either = Either { a: 1 };
    tell("shapes::Point", size_of::<Point>());
    tell("shapes::Pair", size_of::<Pair>());
    tell("shapes::Shape", size_of::<Shape>());
    tell("shapes::Color", size_of::<Color>());
    tell("shapes::All", size_of::<All>());
    tell("shapes::Either", size_of::<Either>());
    tell("core::option::Option<i32>", size_of::<Option<i32>>());
    tell("core::result::Result<i32,u8>", size_of::<Result<i32, u8>>());
    tell("&str", size_of::<&str>());
    tell("u128", size_of::<u128>());
    (all.nothing)();
    std::process::exit(all.object.measure() - unsafe { either.a } as i32);
}

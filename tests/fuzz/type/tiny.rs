// SPDX-License-Identifier: MIT
// What Rust can have in a type; no standard library.
#![no_std]
#![no_main]
#![allow(dead_code)]

pub enum Shape {
    Circle(f64),
    Square { side: u32, name: &'static str },
    Empty,
}

pub struct All {
    shape: Shape,
    option: Option<&'static All>,
    tuple: (i32, char, bool),
    array: [[u8; 3]; 2],
    slice: &'static [i32],
    function: fn(i32, &mut All) -> i32,
    wide: u128,
}

fn add(a: i32, all: &mut All) -> i32 {
    a.wrapping_add(all.tuple.0)
}

#[no_mangle]
pub static mut ALL: All = All {
    shape: Shape::Square { side: 1, name: "square" },
    option: None,
    tuple: (1, 'x', true),
    array: [[0; 3]; 2],
    slice: &[1, 2],
    function: add,
    wide: 2,
};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[no_mangle]
pub extern "C" fn _start() {
    unsafe { (ALL.function)(1, &mut *core::ptr::addr_of_mut!(ALL)) };
}

// SPDX-License-Identifier: MIT
//! Variables as Rust has them, told as tell.h says.

use std::arch::asm;

#[inline(never)]
fn marker(number: i32) {
    unsafe { asm!("/* {0:e} */", in(reg) number, clobber_abi("C")) };
}

#[inline(never)]
fn hidden(value: i64) -> i64 {
    std::hint::black_box(value)
}

fn tell(number: i32, level: i32, name: &str, value: i64) {
    println!("{} {} {} i {}", number, level, name, value);
}

#[inline(never)]
fn shadows(x: i64) -> i64 {
    let y = hidden(x + 1);
    let outer = y;
    let y = hidden(y * 2);
    marker(1);
    tell(1, 1, "x", x);
    tell(1, 1, "y", y);
    tell(1, 1, "y^1", outer);
    tell(1, 1, "outer", outer);
    y
}

#[inline(never)]
fn matches(value: Option<i64>) -> i64 {
    match value {
        Some(inner) => {
            let more = hidden(inner + 1);
            marker(2);
            tell(2, 1, "inner", inner);
            tell(2, 1, "more", more);
            more
        }
        None => 0,
    }
}

#[inline(never)]
fn closes(base: i64) -> i64 {
    let add = |amount: i64| {
        let sum = hidden(base + amount);
        marker(3);
        tell(3, 1, "amount", amount);
        tell(3, 1, "sum", sum);
        sum
    };
    add(hidden(9))
}

fn main() {
    let mut total = shadows(hidden(20));
    total += matches(Some(hidden(8)));
    total += closes(hidden(30));
    std::process::exit((hidden(total) & 1) as i32);
}

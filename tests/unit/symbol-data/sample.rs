// SPDX-License-Identifier: MIT
#![allow(unused_unsafe)] // The same as truth.h, in Rust; before 1.77, addr_of!() of a static is unsafe.
use std::io::Read;
use std::sync::atomic::AtomicU64;

static COUNTER: AtomicU64 = AtomicU64::new(3);
static mut TABLE: [u32; 4] = [1, 2, 3, 4];

pub struct Conn {
    pub fd: i32,
    pub ratio: f64,
}

static mut CONN: Conn = Conn { fd: -7, ratio: 0.5 };

mod inner {
    pub static mut DEEP: i16 = -5;
}

fn tell<T>(query: &str, place: *const T, line: u32, kind: &str, value: &str) {
    println!("var\t{}\t{:p}\t{}\t{}\t{}\t{}", query, place, std::mem::size_of::<T>(), line, kind, value);
}

fn main() {
    tell("TABLE", unsafe { std::ptr::addr_of!(TABLE) } as *const [u32; 4], 7, "[u32; 4]", "[1, 2, 3, 4]");
    tell("CONN", unsafe { std::ptr::addr_of!(CONN) }, 14, "sample::Conn", "sample::Conn {fd: -7, ratio: 0.5}");
    tell("inner::DEEP", unsafe { std::ptr::addr_of!(inner::DEEP) }, 17, "i16", "-5");
    tell("COUNTER", &COUNTER, 6, "core::sync::atomic::AtomicU64", "core::sync::atomic::AtomicU64 {v: core::cell::UnsafeCell<u64> {value: 3}}");
    println!("ready");
    let _ = std::io::stdin().read(&mut [0u8]);
}

//! An id as text: 13 digits of Crockford's base 32, the most significant first, and Crockford's
//! check symbol.
//!
//! The check symbol encodes the number modulo 37. Since 37 is a prime and larger than 32, one
//! wrong digit changes the symbol, and so does a swap of two adjacent digits. Of other errors,
//! one in 37 goes unnoticed.

use crate::error::ParseIdError;

/// The first 32 symbols are the digits. All 37 can be check symbols.
const SYMBOLS: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";
const DIGIT_BITS: u32 = 5;
const DIGITS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;
/// The bits of the 64 that remain for the first digit.
const FIRST_DIGIT_BITS: u32 = u64::BITS - DIGIT_BITS * (DIGITS as u32 - 1);
pub(super) const LEN: usize = DIGITS + 1;

fn check(id: u64) -> usize {
    (id % SYMBOLS.len() as u64) as usize
}

pub(super) fn encode(id: u64) -> [u8; LEN] {
    let mut text = [SYMBOLS[check(id)]; LEN];
    let mut rest = id;
    for symbol in text[..DIGITS].iter_mut().rev() {
        *symbol = SYMBOLS[(rest % (1 << DIGIT_BITS)) as usize];
        rest >>= DIGIT_BITS;
    }
    text
}

pub(super) fn decode(text: &str) -> Result<u64, ParseIdError> {
    if text.chars().count() != LEN {
        return Err(ParseIdError::Length);
    }
    let mut id = 0;
    for (index, character) in text.chars().enumerate() {
        let is_symbol = |&symbol: &u8| char::from(symbol) == character.to_ascii_uppercase();
        let value = SYMBOLS.iter().position(is_symbol);
        let symbols = match index {
            0 => 1 << FIRST_DIGIT_BITS,
            DIGITS => SYMBOLS.len(),
            _ => 1 << DIGIT_BITS,
        };
        let value = value.filter(|&value| value < symbols).ok_or(ParseIdError::Character { index })?;
        if index < DIGITS {
            id = id << DIGIT_BITS | value as u64;
        } else if value != check(id) {
            return Err(ParseIdError::Check);
        }
    }
    Ok(id)
}

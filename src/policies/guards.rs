//! What stands in front of functions of the engine: those that are refused say so wherever a call was hidden from the eye, and
//! those that make a list of any length at once are held to one that fits into memory.

use anyhow::{Result, anyhow};
use regorus::{Engine, Value};

use super::limits;
use super::refused::REFUSED;

/// Puts all of them in place. A name that stands twice is the only way to fail.
pub fn install(engine: &mut Engine) -> Result<()> {
    for refused in REFUSED {
        let message = format!("`{}` is refused: it {}; {}", refused.name, refused.asks, refused.instead);
        let refuse = move |_: Vec<Value>| -> Result<Value> { Err(anyhow!(message.clone())) };
        engine.add_extension(refused.name.to_owned(), refused.arguments, Box::new(refuse))?;
    }
    engine.add_extension("numbers.range".to_owned(), 2, Box::new(|arguments: Vec<Value>| range(&arguments, None)))?;
    let stepped = |arguments: Vec<Value>| {
        let step = arguments.get(2).and_then(|step| step.as_i64().ok()).filter(|step| *step > 0);
        // A step that is no whole number above 0 makes the call undefined.
        step.map_or(Ok(Value::Undefined), |step| range(&arguments, Some(step)))
    };
    engine.add_extension("numbers.range_step".to_owned(), 3, Box::new(stepped))?;
    engine.add_extension("bits.lsh".to_owned(), 2, Box::new(|arguments: Vec<Value>| shifted(&arguments)))
}

/// The whole numbers from one to another, both of them among these.
fn range(arguments: &[Value], step: Option<i64>) -> Result<Value> {
    let [Ok(from), Ok(to)] = [0, 1].map(|at| whole(arguments, at)) else { return Ok(Value::Undefined) };
    let step = step.unwrap_or(1);
    let many = i128::from(from).abs_diff(i128::from(to)) / u128::from(step.unsigned_abs());
    if many >= u128::from(limits::RANGE.unsigned_abs()) {
        return Err(anyhow!("a range of more than {} numbers", limits::RANGE));
    }
    let signed = if from <= to { step } else { -step };
    let numbers = (0..=many as i64).map(|at| Value::from(from.saturating_add(at.saturating_mul(signed))));
    Ok(Value::from(numbers.collect::<Vec<Value>>()))
}

/// A number times a power of two that still is one of 64 bits; beyond that the bits are as many as the policy says.
fn shifted(arguments: &[Value]) -> Result<Value> {
    let [Ok(number), Ok(by)] = [0, 1].map(|at| whole(arguments, at)) else { return Ok(Value::Undefined) };
    let Ok(by) = u32::try_from(by) else { return Ok(Value::Undefined) };
    if by > 64 {
        return Err(anyhow!("a shift by more than 64 bits"));
    }
    // At most 63 + 64 bits: they fit into a number of 128.
    Ok(Value::from(i128::from(number) << by))
}

fn whole(arguments: &[Value], at: usize) -> Result<i64> {
    arguments.get(at).ok_or_else(|| anyhow!("an argument is missing"))?.as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(from: i64, to: i64, step: Option<i64>) -> Result<Vec<i64>> {
        let made = range(&[Value::from(from), Value::from(to)], step)?;
        made.as_array()?.iter().map(Value::as_i64).collect()
    }

    #[test]
    fn a_range_holds_both_ends_in_either_direction() {
        assert_eq!(numbers(1, 3, None).unwrap(), [1, 2, 3]);
        assert_eq!(numbers(3, 1, None).unwrap(), [3, 2, 1]);
        assert_eq!(numbers(1, 6, Some(2)).unwrap(), [1, 3, 5]);
        assert_eq!(numbers(6, 1, Some(2)).unwrap(), [6, 4, 2]);
        assert_eq!(numbers(4, 4, None).unwrap(), [4]);
    }

    #[test]
    fn what_is_too_long_is_an_error_and_no_crash() {
        assert!(numbers(1, 1_000_000_000, None).is_err());
        assert!(numbers(i64::MIN, i64::MAX, None).is_err());
        assert!(numbers(i64::MIN, i64::MAX, Some(i64::MAX)).is_ok());
        assert!(shifted(&[Value::from(1), Value::from(1_000_000)]).is_err());
        assert_eq!(
            shifted(&[Value::from(i64::MIN), Value::from(64)]).unwrap(),
            Value::from(i128::from(i64::MIN) << 64)
        );
        assert_eq!(range(&[Value::from("a"), Value::from(1)], None).unwrap(), Value::Undefined);
        assert_eq!(range(&[], None).unwrap(), Value::Undefined);
    }
}

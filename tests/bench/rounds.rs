//! Contenders in turns: what disturbs one round disturbs all of it, and a ratio is taken within a round.

use crate::Outcome;

/// What one contender did in each round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

/// Runs contenders `0..count` once a round, after one round that is not counted.
pub(crate) fn interleaved(
    count: usize,
    rounds: usize,
    mut run: impl FnMut(usize) -> Outcome<f64>,
) -> Outcome<Vec<Series>> {
    let mut all = vec![Series::default(); count];
    for round in 0..=rounds {
        for (contender, series) in all.iter_mut().enumerate() {
            let value = run(contender)?;
            if round > 0 {
                series.0.push(value);
            }
        }
    }
    Ok(all)
}

impl Series {
    pub(crate) fn median(&self) -> f64 {
        median(self.0.clone())
    }

    /// The median of the ratios within rounds.
    pub(crate) fn over(&self, other: &Self) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

fn median(values: Vec<f64>) -> f64 {
    percentile(values, 50)
}

/// The value that `percent` per cent of `values` stays below.
pub(crate) fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let index = (last * percent).div_ceil(100);
    values.get(index).copied().unwrap_or(f64::NAN)
}

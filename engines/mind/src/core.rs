//! One fitted tier: dictionary, scores, examples. Training rows in, class scores and evidence out.

use crate::contrast::contrast;
use crate::dense::{to_bytes, unit};
use crate::features::Counted;
use crate::linear::Linear;
use crate::radial;
use crate::softmax;
use crate::neighbours::{MOST_EXAMPLES, Near, Neighbours};
use crate::svm::{self, Matrix, SvmOptions};
use crate::kernel::{MOST_ROWS, kernel, weights};
use crate::vocab::{Sparse, Vocab};

/// One prepared training row.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Class, or `None` for a row that must be refused.
    pub class: Option<u32>,
    /// Hashed features of the normalised text.
    pub features: Vec<Counted>,
    /// Sentence vector as the encoder gave it; empty without an encoder.
    pub dense: Vec<f32>,
    /// Weight > 0.
    pub weight: f32,
    /// Number of Chinese characters and words, for the length feature.
    pub length: usize,
    /// True for label names and the like: trained on, never shown as an example, never used for calibrating.
    pub helper: bool,
}

/// How a tier is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitOptions {
    /// Penalty of the support vector machine.
    pub c: f32,
    /// Weight of the sparse part against the dense part.
    pub sparse_weight: f32,
    /// Weight of the nearest example of a class in its score; matters when there are few examples.
    pub neighbour_weight: f32,
    /// Features in fewer rows are dropped.
    pub min_rows: u32,
    /// Threads.
    pub threads: usize,
    /// Stop criterion.
    pub tolerance: f32,
    /// Weight of the multinomial regression beside the support vector machine; 0 = not trained.
    pub soft: f32,
    /// Features weigh by how differently the classes use them ([`crate::contrast`]) instead of by rarity.
    pub contrast: bool,
    /// How sentence vectors enter the scores.
    pub meaning: Meaning,
}

/// How sentence vectors enter the scores of a tier that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Meaning {
    /// By a plane, trained together with letters and words.
    #[default]
    Plane,
    /// By likeness to all kept examples ([`crate::radial`]), beside a plane through letters and words.
    Likeness,
    /// Not at all: the plane of [`Meaning::Likeness`] alone, for choosing its penalty.
    Unread,
}

/// A fitted tier.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Core {
    /// Dictionary.
    pub vocab: Vocab,
    /// Class scores.
    pub linear: Linear,
    /// Examples.
    pub neighbours: Neighbours,
    /// Which training row each example was.
    pub example_row: Vec<u32>,
    /// Mean of each dense dimension over the training rows.
    pub mean: Vec<f32>,
    /// Length of each encoder's block in the dense vector.
    pub blocks: Vec<u32>,
    /// Weight of the sparse part.
    pub sparse_weight: f32,
    /// Weight of the best similarity to an example of a class, added to the class score.
    pub neighbour_weight: f32,
    /// What each example adds to each class by its likeness ([`crate::radial`]); empty without [`Meaning::Likeness`].
    pub radial: Vec<f32>,
}

/// What one query looks like to a tier.
#[derive(Debug, Clone)]
pub struct View {
    /// Sparse vector.
    pub sparse: Sparse,
    /// Centred dense vector of length 1, or empty.
    pub dense: Vec<f32>,
    /// Share of the query's weight the dictionary knows.
    pub known: f32,
    /// One score a class.
    pub scores: Vec<f32>,
    /// Nearest examples, best first.
    pub nearest: Vec<Near>,
    /// Best lexical and semantic similarity to any example of each class.
    pub best_of_class: Vec<(f32, f32)>,
}

/// Centres each encoder's block and scales it to length 1.
fn centred(dense: &[f32], mean: &[f32], blocks: &[u32]) -> Vec<f32> {
    let mut out: Vec<f32> = dense.iter().zip(mean).map(|(x, m)| x - m).collect();
    let mut rest = out.as_mut_slice();
    for block in blocks {
        let (head, tail) = rest.split_at_mut((*block as usize).min(rest.len()));
        unit(head);
        rest = tail;
    }
    out
}

impl Core {
    /// Fits the tier. `rows` must be in their canonical order; the result then depends on nothing else.
    pub fn fit(rows: &[&Prepared], classes: usize, blocks: &[u32], options: FitOptions) -> Core {
        let mut vocab = Vocab::learn(rows.iter().map(|r| r.features.as_slice()), options.min_rows);
        if options.contrast {
            vocab.reweigh(contrast(&vocab, rows, classes));
        }
        let dense_dim = rows.first().map_or(0, |r| r.dense.len());
        let mut mean = vec![0.0f64; dense_dim];
        let mut total = 0.0f64;
        for row in rows.iter().filter(|r| !r.helper) {
            total += 1.0;
            mean.iter_mut().zip(&row.dense).for_each(|(m, x)| *m += f64::from(*x));
        }
        let mean: Vec<f32> = mean.iter().map(|m| (m / total.max(1.0)) as f32).collect();

        let mut matrix = Matrix { dense_dim, sparse_dim: vocab.len(), ..Matrix::default() };
        for row in rows {
            let (mut sparse, _) = vocab.vector(&row.features);
            sparse.iter_mut().for_each(|f| f.1 *= options.sparse_weight);
            matrix.sparse.push(sparse);
            matrix.dense.extend(centred(&row.dense, &mean, blocks));
            matrix.weights.push(row.weight);
        }
        // Kept apart while the plane is trained without it.
        let mut apart = Vec::new();
        if options.meaning != Meaning::Plane {
            apart = std::mem::take(&mut matrix.dense);
            matrix.dense_dim = 0;
        }
        let labels: Vec<Option<u32>> = rows.iter().map(|r| r.class).collect();
        let machine = SvmOptions { c: options.c, tolerance: options.tolerance, passes: 200, threads: options.threads };
        let mut trained = if rows.len() <= MOST_ROWS {
            let kernel = kernel(&matrix, options.threads);
            let mut factors = svm::factors(&kernel, &matrix.weights, &labels, classes, machine);
            if options.soft > 0.0 {
                let soft = softmax::factors(&kernel, &matrix.weights, &labels, classes, options.threads);
                softmax::blend(&mut factors, &soft, options.soft);
            }
            let mut trained = weights(&matrix, &factors, classes, classes, options.threads);
            if options.soft > 0.0 {
                trained.iter_mut().filter_map(|w| w.last_mut()).for_each(|bias| *bias += softmax::shift(options.soft));
            }
            trained
        } else {
            svm::train(&matrix, &labels, classes, machine)
        };
        if options.meaning != Meaning::Plane {
            matrix.dense = apart;
            matrix.dense_dim = dense_dim;
            trained.iter_mut().for_each(|w| drop(w.splice(vocab.len()..vocab.len(), std::iter::repeat_n(0.0, dense_dim))));
        }
        let mut linear = Linear::pack(&trained, vocab.len(), dense_dim);

        let kept = thin(rows, classes);
        let mut class = Vec::new();
        let mut dense = Vec::new();
        let mut vectors: Vec<Sparse> = Vec::new();
        for at in &kept {
            class.push(rows[*at as usize].class.unwrap_or(u32::MAX));
            vectors.push(matrix.sparse[*at as usize].iter().map(|f| (f.0, f.1 / options.sparse_weight)).collect());
            if dense_dim > 0 {
                let at = *at as usize * dense_dim;
                dense.push(to_bytes(&matrix.dense[at..at + dense_dim]));
            }
        }
        let neighbours = Neighbours::build(class, &vectors.iter().collect::<Vec<_>>(), vocab.len(), &dense);
        let mut radial = Vec::new();
        if options.meaning == Meaning::Likeness && dense_dim > 0 {
            let weights: Vec<f32> = kept.iter().map(|at| rows[*at as usize].weight).collect();
            let constants;
            (radial, constants) = radial::train(&neighbours, &weights, classes, options.threads);
            linear.bias.iter_mut().zip(&constants).for_each(|(bias, constant)| *bias += constant);
        }
        Core { vocab, linear, neighbours, example_row: kept, mean, blocks: blocks.to_vec(),
            sparse_weight: options.sparse_weight, neighbour_weight: options.neighbour_weight, radial }
    }

    /// Looks at one query: its features and, for a tier with an encoder, its sentence vector.
    pub fn view(&self, features: &[Counted], dense: &[f32], k: usize) -> View {
        let (sparse, known) = self.vocab.vector(features);
        let dense = centred(dense, &self.mean, &self.blocks);
        let weighted: Sparse = sparse.iter().map(|f| (f.0, f.1 * self.sparse_weight)).collect();
        let mut scores = self.linear.scores(&weighted, &dense);
        let bytes = if dense.is_empty() { Vec::new() } else { to_bytes(&dense) };
        let (lexical, semantic) = self.neighbours.all(&sparse, &bytes);
        if !self.radial.is_empty() {
            radial::add_scores(&self.radial, &semantic, &mut scores);
        }
        let mut best_of_class = vec![(0.0f32, 0.0f32); self.linear.classes];
        for (example, class) in self.neighbours.class.iter().enumerate() {
            if let Some(best) = best_of_class.get_mut(*class as usize) {
                // Seldom true: a value written each time would be waited for by the next example of its class.
                if lexical[example] > best.0 {
                    best.0 = lexical[example];
                }
                if semantic[example] > best.1 {
                    best.1 = semantic[example];
                }
            }
        }
        if self.neighbour_weight > 0.0 {
            let has_dense = self.neighbours.dense_dim > 0;
            for (score, best) in scores.iter_mut().zip(&best_of_class) {
                let near = if has_dense { 0.5 * (best.0 + best.1) } else { best.0 };
                *score += self.neighbour_weight * near;
            }
        }
        let nearest = self.neighbours.nearest(&lexical, &semantic, k);
        View { sparse, dense, known, scores, nearest, best_of_class }
    }
}

/// Rows to keep as examples: all, or round-robin over the classes up to [`MOST_EXAMPLES`].
fn thin(rows: &[&Prepared], classes: usize) -> Vec<u32> {
    let shown: Vec<u32> = (0..rows.len() as u32).filter(|r| !rows[*r as usize].helper).collect();
    if shown.len() <= MOST_EXAMPLES {
        return shown;
    }
    let mut by_class: Vec<Vec<u32>> = vec![Vec::new(); classes + 1];
    for row in shown {
        let class = rows[row as usize].class.map_or(classes, |c| c as usize);
        by_class[class].push(row);
    }
    // Evenly spread places inside a class, so that alphabetical order does not favour anything.
    let mut kept = Vec::with_capacity(MOST_EXAMPLES);
    let mut quota = MOST_EXAMPLES;
    let mut order: Vec<usize> = (0..by_class.len()).collect();
    order.sort_by_key(|c| (by_class[*c].len(), *c));
    for (done, class) in order.iter().enumerate() {
        let share = quota / (by_class.len() - done);
        let members = &by_class[*class];
        let take = share.min(members.len());
        kept.extend((0..take).map(|i| members[i * members.len() / take.max(1)]));
        quota -= take;
    }
    kept.sort_unstable();
    kept
}

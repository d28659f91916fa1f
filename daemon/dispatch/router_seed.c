/* The rules that come with the program.  Weights: 3 is enough for sonnet, 7 for opus; what speaks
 * for a simple task pulls back.  tests/eval says how well they do, docs/ROUTING.md shows it.
 *
 * They are meant to be read: each names one kind of work, and its keywords are what people write
 * when they ask for it, in English and the most frequent verbs of some other languages. */
#include "daemon/dispatch/router.h"

const char *const router_seed_rules[] = {
	"budget:low: haiku when budget_left < 1000",
	"long-context: opus when context_tokens > 10000",

	/* opus: hard to get right, and expensive when wrong */
	"design: +7 when keywords design, devise, invent, complex, 'system design', "
	"entwirf, entwerfe, conçois, diseña, 设计, 設計, 설계, Спроектируй, спроектируй",
	"architecture: +4 when keywords architecture, distributed, microservice, "
	"microservices, multi-region, multi-tenant, scalable, fault-tolerant, 'failure "
	"modes', failover, consistency, 'data centers', architektur, verteiltes, "
	"distribuido, 分布式, 分散システム, архитектуру",
	"proof: +7 when keywords prove, proof, derive, rigorous, rigorously, 'formal "
	"specification', tla+, counterexample, lemma, beweise, démontre, demuestra, "
	"Докажи, докажи, 证明, 証明",
	"hard-engineering: +7 when keywords consensus, raft, paxos, crdt, crdts, "
	"compiler, 'race condition', deadlock, lock-free, linearizability, 'memory "
	"model', 'data corruption', invariant, 'exactly once', kernel, reverse-engineer, "
	"hypervisor, cryptography and words > 8",
	"security: +7 when keywords threat-model, 'threat model', audit, exploit, "
	"attackers, vulnerabilities, reentrancy and words > 10",
	"judgement: +4 when keywords contradict, contradicts, contradictions, reconcile, "
	"trade-offs, causal, optimal, hypotheses, assumptions, premise, impossibility, "
	"'prior art', 'root cause', scenarios, 'what can go wrong', 'stress test'",
	"law-and-money: +4 when keywords agreement, agreements, indemnities, gdpr, "
	"regulator, patent, deposition, valuation, 'cash flow', hedging, 'credit risk', "
	"loan, portfolio, provisions, auditor, litigation, tax and words > 12",
	"strategy: +4 when keywords strategy, roadmap, migration, rollout, framework, "
	"runway, 'business case', policy, programme, constraints and words > 15",

	/* sonnet: the ordinary work of a professional */
	"analyse: +3 when keywords analyse, analyze, analysis, architect, debug, "
	"diagnose, investigate, troubleshoot, evaluate, assess, compare, critique, "
	"critically, interpret, analysiere, analysez, analiza, depura, 分析, 调试, 분석, "
	"Проанализируй, проанализируй",
	"explain: +3 when keywords explain, why, reasoning, 'step by step', 'show the "
	"steps', 'pros and cons', 'walk me through', review, suggest, advise, plan, "
	"pourquoi, Объясни, объясни, warum and words > 6 and not keywords analyse, "
	"analyze, debug, diagnose, investigate, evaluate, compare",
	"build: +3 when keywords implement, refactor, fixtures, 'unit tests', 'tests "
	"for', migrate",
	"code: +3 when keywords rewrite, port, optimize, bug, fix, crash, segfault, "
	"panics, exception, 'stack trace', 'error log', 'unit test', pytest, 'pull "
	"request', endpoint, dockerfile, docker, kubernetes, terraform, react, script, "
	"tool, class, query, parser, workflow, component, macro, code, skript, fehler, "
	"レビュー, код, 代码, 코드 and words > 8",
	"writing: +3 when keywords essay, 'blog post', story, speech, 'cover letter', "
	"report, 'press release', proposal, documentation, summary, brochure, 'lesson "
	"plan', itinerary, blogartikel, lettre, draft and words > 9",
	"long-task: +3 when words > 18",
	"much-context: +2 when context_tokens > 4000",
	"pasted-code: +2 when code_blocks > 0",
	"tool-use: +3 when tools",

	/* haiku: short and simple */
	"simple-task: -5 when words < 13 and begins what, who, when, where, which, is, "
	"'how do you say', 'how do you spell', 'how many', translate, define, 'fix the', "
	"'give me', name, wie, quel, quelle",
	"small: -3 when keywords one-liner, 'one line', 'just the line', 'one sentence', "
	"'a line', typo, title, spelling, spell, synonyms",
	"look-and-feel: -7 when keywords 'graphic design', 'interior design', t-shirt, "
	"logo, logos, designer, poster, 'birthday card', 'business card', 'which color', "
	"'which colour', 'color scheme'",
};

const size_t router_seed_rule_count = sizeof router_seed_rules / sizeof router_seed_rules[0];

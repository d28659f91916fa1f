def analyze_code(code: str):
    client = ClaudeClient(base_url="http://localhost:8080", project_id="analyzer")
    analysis = client.complete(
        f"Analyze this code for bugs:\n{code}",
        model="sonnet"  # Better for analysis
    )
    return analysis.content

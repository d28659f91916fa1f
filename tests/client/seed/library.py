from ccapi.client import ClaudeClient

# Initialize
client = ClaudeClient(
    base_url="http://localhost:8080",
    project_id="my-chatbot"
)

# Simple completion
response = client.complete(
    "Explain machine learning",
    model="auto"  # Auto-selects best model
)
print(response.content)
print(f"Cost: ${response.cost:.4f}")

# Streaming
for token in client.stream("Write a story about AI"):
    print(token, end='', flush=True)

# Batch processing
results = client.batch([
    "Task 1: Analyze this code",
    "Task 2: Generate tests",
    "Task 3: Write docs"
], parallel=True)

documents = load_documents()
client = ClaudeClient(base_url="http://localhost:8080", project_id="docs")

summaries = client.batch([
    f"Summarize: {doc}" for doc in documents
], parallel=True, model="haiku")

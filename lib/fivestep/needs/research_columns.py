"""What the columns of surveys and of research are called and mean."""

from fivestep.language import N_
from fivestep.language.columns import Column, register

register(
    # pain by source
    pain_source=Column(N_("Source"), "text", N_("Where customers speak."), values="message"),
    pieces=Column(N_("Pieces"), "count", N_("Pieces of the source in the class; respondents of a survey.")),
    pieces_of=Column(N_("Of"), "count", N_("All pieces of the source, or all respondents.")),
    pieces_share=Column(N_("Share"), "percent", N_("Pieces of the class divided by all of the source.")),
    pieces_share_low=Column(N_("Share, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    pieces_share_high=Column(N_("Share, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    # drivers of feedback
    feedback_factor=Column(N_("Factor"), "text", N_("What the scores are compared by."), values="message"),
    factor_level=Column(N_("Level"), "text", N_("Value of the factor.")),
    factor_scores=Column(N_("Scores"), "count", N_("Pieces of feedback with a score.")),
    factor_mean=Column(N_("Mean score"), "percent", N_("Mean score on the way from the lowest to the highest.")),
)

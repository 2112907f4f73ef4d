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

register(
    # semantic differential and factor analysis
    opposites=Column(N_("Opposites"), "text", N_("The two ends of the scale.")),
    compared_object=Column(N_("Compared with"), "text", N_("Object that was rated beside the own.")),
    both_rated=Column(N_("Respondents"), "count", N_("Respondents who rated both objects.")),
    own_mean=Column(N_("Own mean"), "ratio", N_("Mean answer about the own object.")),
    other_mean=Column(N_("Other's mean"), "ratio", N_("Mean answer about the object beside it.")),
    profile_gap=Column(N_("Difference"), "ratio", N_("Own less other answer of the same respondents.")),
    profile_gap_low=Column(N_("Difference, low"), "ratio", N_("Lower limit of the 95% interval of the difference.")),
    profile_gap_high=Column(N_("Difference, high"), "ratio", N_("Upper limit of the 95% interval of the difference.")),
    gap_clear=Column(N_("Clear"), "text", N_("Whether the difference is clear, Holm's correction, 5%."), values="message"),
    factor_item=Column(N_("Item"), "text", N_("Question of the survey.")),
    item_factor=Column(N_("Factor"), "text", N_("Factor on which the item loads by 0.4 or more.")),
    varimax_loading=Column(N_("Varimax"), "ratio", N_("Loading on the factor, factors uncorrelated.")),
    promax_loading=Column(N_("Promax"), "ratio", N_("Loading on the factor, factors correlated.")),
    communality=Column(N_("Communality"), "percent", N_("Share of the item's variance that the factors account for.")),
    sampling_adequacy=Column(N_("Sampling adequacy"), "ratio", N_("Kaiser-Meyer-Olkin measure of the item.")),
)

register(
    # tests of versions
    tested=Column(N_("Test"), "text", N_("What was tested.")),
    test_measure=Column(N_("Measure"), "text", N_("What was asked."), values="message"),
    test_design=Column(N_("Design"), "text", N_("Whether respondents saw one version or both."), values="message"),
    better_version=Column(N_("Version"), "text", N_("The version that came out better.")),
    other_version=Column(N_("Other version"), "text", N_("The version that it was compared with.")),
    version_answers=Column(N_("Respondents"), "count", N_("Respondents of the comparison.")),
    better_value=Column(N_("Mean"), "ratio", N_("Mean answer, or share that responded.")),
    other_value=Column(N_("Other mean"), "ratio", N_("Mean answer about the other version, or share that responded.")),
    version_difference=Column(N_("Difference"), "ratio", N_("Better less other version.")),
    version_difference_low=Column(N_("Difference, low"), "ratio", N_("Lower limit of the 95% interval of the difference.")),
    version_difference_high=Column(N_("Difference, high"), "ratio", N_("Upper limit of the 95% interval of the difference.")),
    version_clear=Column(N_("Clear"), "text", N_("Whether the difference is clear, Holm's correction, 5%."), values="message"),
    detectable=Column(N_("Could be seen"), "ratio", N_("Smallest difference that so many respondents show with a power of 80%.")),
    # expectation
    novelty=Column(N_("New product or feature"), "text", N_("What the survey asks about.")),
    expectation_answers=Column(N_("Answers"), "count", N_("Customers who answered.")),
    expectation=Column(N_("Expectation"), "index", N_("Mean answer, 0 to 100.")),
    expectation_low=Column(N_("Expectation, low"), "index", N_("Lower limit of the 95% interval of the mean.")),
    expectation_high=Column(N_("Expectation, high"), "index", N_("Upper limit of the 95% interval of the mean.")),
    awaiting=Column(N_("Look forward to it"), "percent", N_("Answers at least three quarters up the scale.")),
    awaiting_low=Column(N_("Share, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    awaiting_high=Column(N_("Share, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    would_buy=Column(N_("Would buy"), "percent", N_("Answers at least three quarters up the scale.")),
)

register(
    # brands
    brand_asked=Column(N_("Brand"), "text", N_("Brand that the survey asks about.")),
    brand_stage=Column(N_("Stage"), "text", N_("Know, consider, bought lately or prefer."), values="message"),
    brand_answers=Column(N_("Answers"), "count", N_("Respondents who were asked.")),
    brand_share=Column(N_("Share"), "percent", N_("Respondents at the stage divided by all who were asked.")),
    brand_share_low=Column(N_("Share, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    brand_share_high=Column(N_("Share, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    brand_carried=Column(N_("Carried on"), "percent", N_("Of the respondents at the stage before, the share at this one.")),
    brand_carried_low=Column(N_("Carried, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    brand_carried_high=Column(N_("Carried, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    brand_change=Column(N_("Change"), "percent", N_("Share in the last quarter with answers less that in the one before.")),
    brand_change_low=Column(N_("Change, low"), "percent", N_("Lower limit of the 95% interval of the difference.")),
    brand_change_high=Column(N_("Change, high"), "percent", N_("Upper limit of the 95% interval of the difference.")),
    # usage and attitude
    habit_asked=Column(N_("Habit"), "text", N_("What the survey asks about.")),
    habit_answer=Column(N_("Answer"), "text", N_("Answer as given.")),
    habit_count=Column(N_("Answers"), "count", N_("Customers who gave the answer.")),
    habit_share=Column(N_("Share"), "percent", N_("Customers who gave the answer divided by all who answered.")),
    habit_share_low=Column(N_("Share, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    habit_share_high=Column(N_("Share, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    attitude=Column(N_("Statement"), "text", N_("Statement of the survey.")),
    usage_answers=Column(N_("Answers"), "count", N_("Customers who answered.")),
    agree_share=Column(N_("Agree"), "percent", N_("Answers at least three quarters up the scale.")),
    agree_low=Column(N_("Agree, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    agree_high=Column(N_("Agree, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    agree_least_tier=Column(N_("Least in"), "text", N_("Value tier with the lowest mean answer."), values="message"),
    agree_least=Column(N_("Mean there"), "percent", N_("Mean answer on the way from the lowest to the highest.")),
    agree_most_tier=Column(N_("Most in"), "text", N_("Value tier with the highest mean answer."), values="message"),
    agree_most=Column(N_("Mean in it"), "percent", N_("Mean answer on the way from the lowest to the highest.")),
    attitude_differs=Column(N_("Tiers differ"), "text", N_("Whether value tiers differ beyond chance."), values="message"),
)

register(
    # new products
    launched_product=Column(N_("New product"), "text", N_("Product first sold while the data runs.")),
    launched_on=Column(N_("First sold"), "date", N_("Day of its first sale.")),
    launch_eligible=Column(N_("Customers since"), "count", N_("Customers who ordered on that day or later.")),
    launch_buyers=Column(N_("Buyers"), "count", N_("Customers who bought it.")),
    launch_share=Column(N_("Taken up"), "percent", N_("Buyers divided by customers since.")),
    launch_share_low=Column(N_("Taken up, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    launch_share_high=Column(N_("Taken up, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    repurchased=Column(N_("Bought again"), "percent", N_("Of the buyers who ordered later, those who bought it on a later day.")),
    repurchased_low=Column(N_("Again, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    repurchased_high=Column(N_("Again, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    launch_complaints=Column(N_("Complaints"), "ratio", N_("Complaints per 1,000 order lines of the product.")),
    other_complaints=Column(
        N_("Complaints, others"), "ratio", N_("Complaints per 1,000 order lines of all other products since.")
    ),
    launch_score=Column(N_("Score"), "percent", N_("Mean score in feedback, on the way from the lowest to the highest.")),
    other_score=Column(N_("Score, others"), "percent", N_("Mean score of all other products since.")),
    adopter_class=Column(N_("Class"), "text", N_("When customers take up what is new, after Rogers."), values="message"),
    adopters=Column(N_("Customers"), "count", N_("Customers of the class.")),
    adopter_share=Column(N_("Share"), "percent", N_("Customers of the class divided by all who ordered since a launch.")),
    acceptance=Column(N_("Acceptance"), "percent", N_("Share of the eligible who had not bought before, mean over launches.")),
    acceptance_mean=Column(N_("Acceptance"), "percent", N_("Mean acceptance of the class.")),
)

register(
    # competitors
    rival=Column(N_("Competitor"), "text", N_("Name of the competitor.")),
    rival_lost=Column(N_("Lost to it"), "count", N_("Opportunities lost to the competitor.")),
    rival_lost_share=Column(
        N_("Share of lost"), "percent", N_("Lost to it divided by all lost opportunities with a known reason.")
    ),
    rival_amount=Column(N_("Amount lost"), "money", N_("Amounts of the opportunities lost to it.")),
    rival_mentions=Column(N_("Mentions"), "count", N_("Pieces of feedback and contacts that name it.")),
    rival_last=Column(N_("Last half year"), "count", N_("Mentions in the last 182 days.")),
    rival_before=Column(N_("Half year before"), "count", N_("Mentions in the 182 days before.")),
    rival_region=Column(
        N_("Named most in"), "text", N_("Region where clearly more customers name it."), values="customers.region"
    ),
    rival_visits=Column(N_("Notes of visits"), "count", N_("Notes on the forms for visits to competitors.")),
    rival_known=Column(N_("Known"), "percent", N_("Share of the respondents who know it.")),
    rival_preferred=Column(N_("Preferred"), "percent", N_("Share of the respondents whose first choice it is.")),
    # survey modes
    survey_mode=Column(N_("Way of asking"), "text", N_("How the questionnaire was answered.")),
    mode_questionnaires=Column(N_("Questionnaires"), "count", N_("Filled questionnaires.")),
    mode_share=Column(N_("Share"), "percent", N_("Questionnaires of the row divided by all.")),
    mode_known=Column(N_("Known customers"), "percent", N_("Questionnaires with a customer.")),
    mode_answered=Column(N_("Questions answered"), "percent", N_("Mean share of the survey's questions that were answered.")),
    mode_level=Column(
        N_("Ratings against all"), "percent", N_("Mean of a respondent's ratings less those of all, in shares of the scale.")
    ),
    mode_level_low=Column(N_("Rating, low"), "percent", N_("Lower limit of the 95% interval of the mean.")),
    mode_level_high=Column(N_("Rating, high"), "percent", N_("Upper limit of the 95% interval of the mean.")),
)
